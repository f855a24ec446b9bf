import type { Point } from "./point.ts";

export type SendPoint = {
  readonly name: string;
  readonly point: Point;
  /** How the submission must end, and how often the server must have taken it. */
  readonly state: "sent" | "uncertain";
  readonly deliveries: 0 | 1;
};

const deliver = "apps/send-worker/src/deliver-submission.ts";
const transmit = "packages/mail-transport/src/smtp/transmit.ts";

/** Places along one delivery, in the order it passes them. */
export const sendPoints: readonly SendPoint[] = [
  {
    name: "after it took the job",
    point: { file: deliver, before: "const held = { id: submissionId, epoch };\n    const target", hit: 1 },
    state: "sent",
    deliveries: 1,
  },
  {
    name: "with the submission read, before it asked the gate",
    point: { file: deliver, before: "const grant = await authorizeDelivery", hit: 1 },
    state: "sent",
    deliveries: 1,
  },
  {
    name: "with the credential open, before it connected",
    point: { file: deliver, before: "const raw = Buffer.concat", hit: 1 },
    state: "sent",
    deliveries: 1,
  },
  {
    name: "logged in at the server, before `transmitting` was committed",
    point: { file: deliver, before: "const started = await", hit: 1 },
    state: "sent",
    deliveries: 1,
  },
  {
    name: "with `transmitting` committed, before MAIL FROM",
    point: { file: deliver, before: "if (started === null)", hit: 1 },
    state: "uncertain",
    deliveries: 0,
  },
  {
    name: "after the server said go ahead to DATA",
    point: { file: transmit, before: "hasBegun = true;", hit: 1 },
    state: "uncertain",
    deliveries: 0,
  },
  {
    name: "in the middle of the body",
    point: { file: "packages/mail-transport/src/smtp/message-body.ts", before: "const chunk = raw", hit: 3 },
    state: "uncertain",
    deliveries: 0,
  },
  {
    name: "after the server took the message, before its answer was understood",
    point: { file: transmit, before: 'if ("value" in sent) {', hit: 1 },
    state: "uncertain",
    deliveries: 1,
  },
  {
    name: "with the answer understood, before the outcome was written",
    point: { file: deliver, before: "const recorded = await", hit: 1 },
    state: "uncertain",
    deliveries: 1,
  },
  {
    name: "after the outcome was committed, before the job ended",
    point: { file: deliver, before: "if (!recorded)", hit: 1 },
    state: "sent",
    deliveries: 1,
  },
];

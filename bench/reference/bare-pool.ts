/**
 * nodemailer's own pool, with nothing around it: composes and sends messages one after another over its connections, stores
 * nothing and keeps nothing. Prints when each was accepted, in ms after it was handed in. Imports nothing of ours.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import nodemailer from "nodemailer";

type Order = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly caFile: string;
  readonly connectionsCount: number;
  /** null: as many as come. */
  readonly messagesPerConnection: number | null;
  readonly messagesCount: number;
  readonly text: string;
  readonly to: string;
  /** Between two messages; 0: as fast as it goes. */
  readonly everyMs: number;
};

const order = JSON.parse(readFileSync(0, "utf8")) as Order;
const { host, port, user, password, caFile, connectionsCount, messagesPerConnection } = order;
const { messagesCount, text, to, everyMs } = order;
const pool = nodemailer.createTransport({
  ...{ pool: true, host, port, secure: false, requireTLS: true },
  ...{ maxConnections: connectionsCount, maxMessages: messagesPerConnection ?? Number.POSITIVE_INFINITY },
  auth: { user, pass: password },
  tls: { ca: readFileSync(caFile, "utf8") },
});

const latenciesMs: number[] = [];
const startedAt = performance.now();
const sending: Promise<void>[] = [];
for (let index = 0; index < messagesCount; index++) {
  if (everyMs > 0) await pause(Math.max(0, startedAt + index * everyMs - performance.now()));
  const begunAt = performance.now();
  const send = pool.sendMail({ from: user, to, subject: `Message ${index}`, text });
  sending.push(send.then(() => void latenciesMs.push(performance.now() - begunAt)));
}
await Promise.all(sending);
const seconds = (performance.now() - startedAt) / 1_000;
pool.close();
console.log(JSON.stringify({ seconds, latenciesMs }));

import type { Database } from "@mailfleet/database";
import { type BlobStore, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { judgeAutomatic, type NoAutomaticAnswer, type OwnHeader } from "@mailfleet/mail-content";
import type { AnsweredMessage } from "./answered-message.ts";
import type { SendRequest } from "./send-request.ts";

export type AutomaticAnswerDeps = {
  readonly database: Pick<Database, "automaticAnswers">;
  readonly blobs: BlobStore<Grant>;
};

export type AutomaticHeaders = Readonly<Partial<Record<OwnHeader, string>>>;

/**
 * What an automatic message says of itself, so that no other program answers it (RFC 3834 §5). The message it answers is read
 * again, as it came: its headers say whether a person waits for an answer at all.
 *
 * @throws OperationalError `answer.refused` where nobody does
 */
export async function automaticHeaders(
  { blobs }: AutomaticAnswerDeps,
  { automatic }: SendRequest,
  answered: AnsweredMessage | null,
): Promise<AutomaticHeaders> {
  if (automatic !== true) return {};
  const quiet = { "X-Auto-Response-Suppress": "All" };
  if (answered === null) return { "Auto-Submitted": "auto-generated", ...quiet, "X-Mailfleet-Loop": "1" };
  if (answered.row.origin === "own") throw refused("of-a-fleet");
  const raw = Buffer.concat(await Array.fromAsync(blobs.read(answered.grant, answered.row.raw)));
  const { refusal, loopCount } = judgeAutomatic(raw);
  if (refusal !== null) throw refused(refusal);
  const loop = String(loopCount + 1);
  return { "Auto-Submitted": "auto-replied", Precedence: "auto_reply", ...quiet, "X-Mailfleet-Loop": loop };
}

/**
 * Counts an automatic answer to each of these, where they may have one more.
 *
 * @throws OperationalError `answer.refused` where one is a mailbox of the fleet, or where it or the tenant has had its share of the day
 */
export async function reserveAnswer(
  { database }: AutomaticAnswerDeps,
  grant: Grant<"submission.create">,
  { request, to }: { readonly request: SendRequest; readonly to: readonly string[] },
): Promise<void> {
  if (request.automatic !== true || request.answersMessageId === null) return;
  if (await database.automaticAnswers.anyOfFleet(grant, to)) throw refused("of-a-fleet");
  const { mailboxId, idempotencyKey } = request;
  const reservation = await database.automaticAnswers.reserve(grant, { mailboxId, idempotencyKey, to });
  if (reservation !== "reserved") throw refused(reservation);
}

const said: Record<NoAutomaticAnswer | "correspondent-full" | "tenant-full", string> = {
  "asks-for-none": "it asks for no automatic answers",
  "auto-reply": "a program wrote it",
  bounce: "it reports a failed delivery",
  calendar: "it is a calendar's",
  complaint: "it is a complaint",
  "correspondent-full": "this correspondent has had as many automatic answers as one gets in a day",
  "from-a-machine": "its sender is an address that nobody reads",
  list: "it came over a list",
  loop: "automatic answers have gone back and forth already",
  "of-a-fleet": "a program of this fleet is at the other end",
  "tenant-full": "this tenant has sent as many automatic answers as it may in a day",
  unreadable: "it cannot be read",
};

function refused(why: keyof typeof said): OperationalError {
  const publicMessage = `This message gets no automatic answer: ${said[why]}. A person may still answer it.`;
  return new OperationalError("answer.refused", `no automatic answer: ${why}`, { publicMessage });
}

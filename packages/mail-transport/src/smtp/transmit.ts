import { isAscii } from "node:buffer";
import type { Login, OutgoingMessage, SendReceipt } from "@mailfleet/domain";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPConnectionSendInfo } from "nodemailer/lib/smtp-connection";
import { messageBody } from "./message-body.ts";
import type { SmtpLimits } from "./smtp-limits.ts";
import { mailboxRefusal, toOperationalError, toRefusals } from "./to-operational-error.ts";
import type { watchConnection } from "./watch-connection.ts";

export type OpenConnection = {
  readonly connection: SMTPConnection;
  readonly step: ReturnType<typeof watchConnection>;
  readonly limits: SmtpLimits;
  readonly loginKind: Login["kind"];
  readonly now: () => Date;
};

/** Hands one message to a server that is logged in to: envelope, body, reply. */
export async function transmit(
  open: OpenConnection,
  message: OutgoingMessage,
  signal: AbortSignal,
): Promise<SendReceipt> {
  const { connection, step, limits, loginKind, now } = open;
  const { envelope, raw } = message;
  let hasBegun = false;

  const sent = await step<SMTPConnectionSendInfo>({ msMax: limits.envelopeMsMax, signal }, (done, within) => {
    const body = messageBody(raw, {
      onBegin() {
        hasBegun = true; // the point of no return: from here on a lost reply leaves the outcome unknown
        within(limits.bodyMsMax);
      },
      onEnd: () => within(limits.replyMsMax),
    });
    const { from, to } = envelope;
    connection.send({ from, to: [...to], size: raw.length, use8BitMime: !isAscii(raw) }, body, done);
  });

  if ("value" in sent) {
    const { accepted, rejectedErrors = [], serverMessageId = null } = sent.value;
    return { accepted, refused: toRefusals(rejectedErrors), serverMessageId };
  }
  const { failure } = sent;
  const rejected = hasBegun ? undefined : failure.rejectedErrors;
  const wide = rejected && mailboxRefusal(rejected, now());
  if (rejected && !wide) return { accepted: [], refused: toRefusals(rejected), serverMessageId: null };

  connection.close(); // whatever state the session is in, no next message may meet it
  throw wide ?? toOperationalError(failure, { stage: hasBegun ? "body" : "envelope", loginKind, now: now() });
}

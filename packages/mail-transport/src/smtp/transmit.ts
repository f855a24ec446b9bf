import { isAscii } from "node:buffer";
import type { Login, OutgoingMessage, SendReceipt } from "@mailfleet/domain";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SMTPConnectionSendInfo } from "nodemailer/lib/smtp-connection";
import { refusedBeyondAscii } from "./beyond-ascii.ts";
import { messageBody } from "./message-body.ts";
import type { SmtpLimits } from "./smtp-limits.ts";
import { mailboxRefusal, toOperationalError, toRefusals } from "./to-operational-error.ts";
import type { watchConnection } from "./watch-connection.ts";

export type OpenConnection = {
  readonly connection: SMTPConnection;
  readonly step: ReturnType<typeof watchConnection>;
  readonly limits: SmtpLimits;
  readonly loginKind: Login["kind"];
  /** The server offers SMTPUTF8. */
  readonly isBeyondAsciiTaken: boolean;
  readonly now: () => Date;
};

/** Hands one message to a server that is logged in to: envelope, body, reply. */
export async function transmit(
  open: OpenConnection,
  message: OutgoingMessage,
  signal: AbortSignal,
): Promise<SendReceipt> {
  const { connection, step, limits, loginKind, now, isBeyondAsciiTaken } = open;
  const unreachable = isBeyondAsciiTaken ? [] : refusedBeyondAscii(message);
  const { envelope, raw } = message;
  const to = envelope.to.filter((address) => !unreachable.some((refusal) => refusal.address === address));
  if (to.length === 0) return { accepted: [], refused: unreachable, serverMessageId: null };
  let hasBegun = false;

  const sent = await step<SMTPConnectionSendInfo>({ msMax: limits.envelopeMsMax, signal }, (done, within) => {
    const body = messageBody(raw, {
      onBegin() {
        hasBegun = true; // the point of no return: from here on a lost reply leaves the outcome unknown
        within(limits.bodyMsMax);
      },
      onEnd: () => within(limits.replyMsMax),
    });
    connection.send({ from: envelope.from, to, size: raw.length, use8BitMime: !isAscii(raw) }, body, done);
  });

  if ("value" in sent) {
    const { accepted, rejectedErrors = [], serverMessageId = null } = sent.value;
    return { accepted, refused: [...unreachable, ...toRefusals(rejectedErrors)], serverMessageId };
  }
  const { failure } = sent;
  const rejected = hasBegun ? undefined : failure.rejectedErrors;
  const wide = rejected && mailboxRefusal(rejected, now());
  if (rejected && !wide)
    return { accepted: [], refused: [...unreachable, ...toRefusals(rejected)], serverMessageId: null };

  connection.close(); // whatever state the session is in, no next message may meet it
  throw wide ?? toOperationalError(failure, { stage: hasBegun ? "body" : "envelope", loginKind, now: now() });
}

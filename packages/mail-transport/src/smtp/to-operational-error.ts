import { type Login, OperationalError, type RecipientRefusal } from "@mailfleet/domain";
import { loginRulesFor, mailboxRules, messageRules, type ReplyRule, sessionRules } from "./reply-rules.ts";
import { parseReply, type SmtpReply } from "./smtp-reply.ts";

/** What nodemailer tells of a failure. Its message and its response hold addresses and are never passed on. */
export type SmtpFailure = {
  readonly code?: string | undefined;
  readonly originalCode?: string | undefined;
  readonly response?: string | undefined;
  readonly command?: string | undefined;
  readonly timeoutType?: string | undefined;
  readonly recipient?: string | undefined;
  readonly rejectedErrors?: readonly SmtpFailure[] | undefined;
};

export type FailureContext = {
  /** How far the send had come. `body` from the first byte of the message on. */
  readonly stage: "connect" | "login" | "envelope" | "body";
  readonly loginKind: Login["kind"];
  readonly now: Date;
};

/** The one place that knows what nodemailer's codes and a server's replies mean. */
export function toOperationalError(failure: SmtpFailure, context: FailureContext): OperationalError {
  const { stage, loginKind, now } = context;
  const reply = parseReply(failure.response);
  const told = `smtp ${stage}: ${describe(failure, reply)}`;
  const by = (rules: readonly ReplyRule[]) => (reply === null ? null : applyRule(rules, reply, told, now));
  const unavailable = () => new OperationalError("provider.unavailable", told);

  switch (stage) {
    case "connect":
      if (isInsecure(failure, reply)) return insecure(told);
      return by(sessionRules) ?? unavailable();
    case "login":
      if (failure.code !== "EAUTH") return by(sessionRules) ?? unavailable();
      return by(loginRulesFor[loginKind]) ?? new OperationalError("login.suspect", told);
    case "envelope":
      if (failure.code === "EMESSAGE") return tooLarge(told);
      return by(failure.code === "EENVELOPE" ? messageRules : sessionRules) ?? unavailable();
    case "body":
      // Only a whole reply to the whole message ends the doubt; 4yz and 5yz both say that the server did not take it.
      return (
        (failure.code === "EMESSAGE" ? by(messageRules) : null) ?? new OperationalError("send.outcome-unknown", told)
      );
  }
}

/** One entry for each recipient the server refused. */
export function toRefusals(failures: readonly SmtpFailure[]): readonly RecipientRefusal[] {
  return failures.map((failure) => {
    const reply = parseReply(failure.response);
    const isFinal = reply !== null && reply.code >= 500 && reply.code !== 503; // 503 is about the session
    const isOfMailbox = reply !== null && mailboxRules.some(({ when }) => when.test(reply.line));
    return {
      address: failure.recipient ?? "",
      code: reply?.code ?? 0,
      enhancedCode: reply?.enhancedCode ?? null,
      permanent: isFinal && !isOfMailbox,
    };
  });
}

/** The error behind a list of refused recipients when each was refused because the mailbox may not send now; null otherwise. */
export function mailboxRefusal(failures: readonly SmtpFailure[], now: Date): OperationalError | null {
  const errors = failures.map((failure) => {
    const reply = parseReply(failure.response);
    return reply && applyRule(mailboxRules, reply, `smtp envelope: ${describe(failure, reply)}`, now);
  });
  return errors.every((error) => error !== null) ? (errors[0] ?? null) : null;
}

function applyRule(rules: readonly ReplyRule[], reply: SmtpReply, told: string, now: Date): OperationalError | null {
  const rule = rules.find(({ when }) => when.test(reply.line));
  if (rule === undefined) return null;
  return new OperationalError(rule.code, told, {
    retryAt: rule.waitMs === undefined ? undefined : new Date(now.getTime() + rule.waitMs),
    ...(rule.publicMessage === undefined ? {} : { publicMessage: rule.publicMessage }),
  });
}

const tlsFailure = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|HOSTNAME_MISMATCH|ERR_TLS_|ERR_SSL_|EPROTO$)/;

/** No TLS, or none that can be trusted. A server that is only out of order for now (RFC 3207 §4: 454) is not insecure. */
function isInsecure({ code, originalCode, command }: SmtpFailure, reply: SmtpReply | null): boolean {
  if (tlsFailure.test(originalCode ?? "")) return true;
  const refusedForGood = reply !== null && reply.code >= 500;
  return refusedForGood && (code === "ETLS" || command === "EHLO");
}

function insecure(told: string): OperationalError {
  return new OperationalError("connection.insecure", told, {
    publicMessage: "The mail server offers no encrypted connection that can be trusted.",
  });
}

function tooLarge(told: string): OperationalError {
  return new OperationalError("send.refused", told, {
    publicMessage: "The message is larger than the mail server takes.",
  });
}

/** Codes only: what a server writes beside them is its own, and holds addresses. */
function describe(failure: SmtpFailure, reply: SmtpReply | null): string {
  if (reply !== null) return [reply.code, reply.enhancedCode].filter((part) => part !== null).join(" ");
  const words = [failure.code, failure.originalCode, failure.timeoutType].filter((word) => word !== undefined);
  return words.filter((word) => /^[A-Z0-9_]{1,60}$/.test(word)).join(" ") || "failed";
}

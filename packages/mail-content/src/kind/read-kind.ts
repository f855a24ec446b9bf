import type { Bounce } from "../bounce/bounce.ts";
import { autoReplySubject, type ReportedMail, readBounce } from "../bounce/read-bounce.ts";

export const messageKinds = ["message", "bounce", "complaint", "auto-reply", "list", "calendar"] as const;
/** What wrote a message, and so what may be done with it. Only a `message` was written by a person to be answered. */
export type MessageKind = (typeof messageKinds)[number];

/** The headers that `readKind` looks at, in lower case. */
export const kindHeaders: ReadonlySet<string> = new Set([
  ...["return-path", "auto-submitted", "precedence", "x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply"],
  ...["list-id", "list-unsubscribe", "list-post", "mailing-list", "x-failed-recipients", "final-recipient"],
  ...["in-reply-to", "references", "x-microsoft-original-message-id", "x-mailer-daemon", "feedback-id"],
]);

/**
 * What kind of message this is. Reports come first: a bounce says `Auto-Submitted: auto-replied` too (RFC 3834 §5), and who
 * took it for an answer would lose it.
 */
export function readKind(mail: ReportedMail): { readonly kind: MessageKind; readonly bounce: Bounce | null } {
  const own = mail.leaves.filter(({ nesting }) => nesting === 0);
  const has = (type: string) => own.some(({ contentType }) => contentType.value === type);
  // RFC 5965 §2.
  if (has("message/feedback-report")) return { kind: "complaint", bounce: null };
  const bounce = has("message/disposition-notification") ? null : readBounce(mail);
  if (bounce !== null) return { kind: "bounce", bounce };
  if (isCalendar(mail)) return { kind: "calendar", bounce: null };
  if (isAutoReply(mail) || has("message/disposition-notification")) return { kind: "auto-reply", bounce: null };
  return { kind: isList(mail) ? "list" : "message", bounce: null };
}

/** RFC 6047 §2.4: a scheduling message names its method. A calendar file beside a letter is an attachment. */
function isCalendar({ leaves }: ReportedMail): boolean {
  return leaves.some(
    ({ contentType, disposition, nesting }) =>
      nesting === 0 &&
      contentType.value === "text/calendar" &&
      (contentType.parameters.has("method") || disposition.value !== "attachment"),
  );
}

/** RFC 3834 §5, and what programs write that do not know it. A list's own mail says `auto-generated` as well. */
function isAutoReply(mail: ReportedMail): boolean {
  const submitted = (mail.headers.get("auto-submitted")?.[0] ?? "no").toLowerCase();
  if (submitted.startsWith("auto-replied")) return true;
  if (["x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply"].some((name) => mail.headers.has(name)))
    return true;
  if (mail.headers.get("precedence")?.some((value) => /auto[_-]?reply/i.test(value)) === true) return true;
  if (autoReplySubject.test(mail.subject ?? "")) return true;
  return !submitted.startsWith("no") && !isList(mail);
}

/** RFC 2919, RFC 2369, and the older custom. */
function isList({ headers }: ReportedMail): boolean {
  if (["list-id", "list-unsubscribe", "list-post", "mailing-list"].some((name) => headers.has(name))) return true;
  return headers.get("precedence")?.some((value) => /^(list|bulk|junk)\b/i.test(value)) === true;
}

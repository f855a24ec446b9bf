import { trimReferences } from "./trim-references.ts";

/** The most ids we write: mail servers refuse header lines that grow without end. */
export const referencesSentMax = 40;
const subjectLengthMax = 900;

/** `Re: ` before the subject, once (RFC 5322 §3.6.5). What may not stand in a header becomes a blank. */
export function replySubject(subject: string | null): string {
  const clean = (subject ?? "")
    .toWellFormed()
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, subjectLengthMax)
    .toWellFormed();
  return /^re\s*:/i.test(clean) ? clean : `Re: ${clean}`.trim();
}

/**
 * The headers that thread a reply (RFC 5322 §3.6.4). `parent` is the message as it was delivered to us. Without a
 * Message-ID there is nothing to refer to, but its own references still name the thread.
 */
export function replyReferences(parent: {
  readonly messageIdHeader: string | null;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
}): { readonly inReplyTo: string | null; readonly references: string[] } {
  const { messageIdHeader, inReplyTo } = parent;
  const before = parent.references.length > 0 || inReplyTo === null ? parent.references : [inReplyTo];
  const all = messageIdHeader === null ? before : [...before.filter((id) => id !== messageIdHeader), messageIdHeader];
  return { inReplyTo: messageIdHeader, references: trimReferences(all, referencesSentMax) };
}

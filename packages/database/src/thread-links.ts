import { comparedAddress, lookedUpHeader, type Untrusted } from "@mailfleet/domain";
import type { Linked } from "./choose-thread.ts";
import type { NewMessage } from "./inbox.ts";

/** What a message says of its thread, as far as it can be read without knowing who wrote it. */
export type ThreadClaim = Pick<
  NewMessage,
  "messageIdHeader" | "inReplyTo" | "references" | "envelope" | "providerThreadId" | "receivedAt"
>;

/**
 * What counts of it. Where nobody vouches for the author (`unverified`, `spoofed`), it has none and brings nobody along: it
 * begins a thread of its own, which is open only to whom an answer of ours was sent. One in quarantine says nothing at all.
 */
export function threadLinks(message: NewMessage, now: Date): Linked {
  const { quarantineReason, senderVerdict } = message.judgement;
  if (quarantineReason !== null) return { ...silent };
  const claimed = claimedLinks(message, now);
  return senderVerdict === "verified" || senderVerdict === "internal"
    ? claimed
    : { ...claimed, author: null, participants: [], answersSubject: false };
}

const silent: Linked = {
  ...{ messageIdHeader: null, inReplyTo: null, references: [], author: null, participants: [] },
  ...{ providerThread: null, subject: null, answersSubject: false },
};

/** What it says itself. Several authors are none: nobody can say who of them wrote it. */
export function claimedLinks(message: ThreadClaim, now: Date): Linked {
  const { messageIdHeader, inReplyTo, references, envelope, providerThreadId, receivedAt } = message;
  const { from, to, cc } = envelope;
  const { subject, isAnswer } = readSubject(envelope.subject);
  const [author, ...others] = from.map(({ address }) => comparedAddress(address));
  return {
    messageIdHeader: lookedUpHeader(messageIdHeader),
    inReplyTo: lookedUpHeader(inReplyTo),
    references: references.map((reference) => lookedUpHeader(reference)),
    author: author === undefined || others.length > 0 ? null : author,
    participants: [...from, ...to, ...cc].map(({ address }) => comparedAddress(address)),
    providerThread: providerThreadId,
    // What comes from the past, by a backfill, may be years from what else has its subject.
    subject: receivedAt >= subjectsSince(now) ? subject : null,
    // The last resort: some programs, and people who write a new message, name nothing they answer.
    answersSubject: isAnswer && inReplyTo === null && references.length === 0,
  };
}

/** A subject tells only of mail that is not older than two weeks. */
export function subjectsSince(now: Date): Date {
  return new Date(now.getTime() - 14 * 86_400_000);
}

/** How answers are marked in the languages that mail programs speak, also numbered and in full width. */
const answerMarks =
  /^\s*(?:(?:re|aw|antw|sv|vs|rif|ref|odp|ynt|r|回复|答复|回覆|返信)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*)+/i;

/** What is shorter is said by everybody of everything. */
const subjectLengthMin = 6;

/** A subject as far as two may be compared, and whether it says that it answers one. Null: nothing to compare. */
export function readSubject(header: Untrusted<string> | null): {
  readonly subject: string | null;
  readonly isAnswer: boolean;
} {
  const whole = lookedUpHeader(header) ?? "";
  const bare = whole.replace(answerMarks, "");
  const compared = bare.replace(/\s+/g, " ").trim().toLowerCase();
  return { subject: compared.length < subjectLengthMin ? null : compared, isAnswer: bare !== whole };
}

import { comparedAddress, lookedUpHeader } from "@mailfleet/domain";
import type { Linked } from "./choose-thread.ts";
import type { NewMessage } from "./inbox.ts";

/** What a message says of its thread, as far as it can be read without knowing who wrote it. */
export type ThreadClaim = Pick<NewMessage, "messageIdHeader" | "inReplyTo" | "references" | "envelope">;

/**
 * What counts of it. Where nobody vouches for the author (`unverified`, `spoofed`), it has none and brings nobody along: it
 * begins a thread of its own, which is open only to whom an answer of ours was sent. One in quarantine says nothing at all.
 */
export function threadLinks(message: NewMessage): Linked {
  const { quarantineReason, senderVerdict } = message.judgement;
  if (quarantineReason !== null)
    return { messageIdHeader: null, inReplyTo: null, references: [], author: null, participants: [] };
  const claimed = claimedLinks(message);
  return senderVerdict === "verified" || senderVerdict === "internal"
    ? claimed
    : { ...claimed, author: null, participants: [] };
}

/** What it says itself. Several authors are none: nobody can say who of them wrote it. */
export function claimedLinks({ messageIdHeader, inReplyTo, references, envelope }: ThreadClaim): Linked {
  const { from, to, cc } = envelope;
  const [author, ...others] = from.map(({ address }) => comparedAddress(address));
  return {
    messageIdHeader: lookedUpHeader(messageIdHeader),
    inReplyTo: lookedUpHeader(inReplyTo),
    references: references.map((reference) => lookedUpHeader(reference)),
    author: author === undefined || others.length > 0 ? null : author,
    participants: [...from, ...to, ...cc].map(({ address }) => comparedAddress(address)),
  };
}

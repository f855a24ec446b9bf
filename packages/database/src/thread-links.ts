import { comparedAddress, lookedUpHeader } from "@mailfleet/domain";
import type { Linked } from "./choose-thread.ts";
import type { NewMessage } from "./inbox.ts";

/**
 * What a message says of its thread. Several authors are none: nobody can say who of them wrote it, nor who wrote what
 * is spoofed. One in quarantine says
 * nothing: it joins no thread, and none joins it.
 */
export function threadLinks({ judgement, messageIdHeader, inReplyTo, references, envelope }: NewMessage): Linked {
  if (judgement.quarantineReason !== null)
    return { messageIdHeader: null, inReplyTo: null, references: [], author: null, participants: [] };
  const { from, to, cc } = envelope;
  const [author, ...others] = from.map(({ address }) => comparedAddress(address));
  return {
    messageIdHeader: lookedUpHeader(messageIdHeader),
    inReplyTo: lookedUpHeader(inReplyTo),
    references: references.map((reference) => lookedUpHeader(reference)),
    author: author === undefined || others.length > 0 || judgement.senderVerdict === "spoofed" ? null : author,
    participants: [...from, ...to, ...cc].map(({ address }) => comparedAddress(address)),
  };
}

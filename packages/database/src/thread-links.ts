import { lookedUpHeader } from "@mailfleet/domain";
import type { NewMessage } from "./inbox.ts";

/** What a message's headers say of its thread; nothing for one in quarantine, which joins none and is joined by none. */
export function threadLinks({ judgement, messageIdHeader, inReplyTo, references }: NewMessage) {
  if (judgement.quarantineReason !== null) return { messageIdHeader: null, inReplyTo: null, references: [] };
  return {
    messageIdHeader: lookedUpHeader(messageIdHeader),
    inReplyTo: lookedUpHeader(inReplyTo),
    references: references.map((reference) => lookedUpHeader(reference)),
  };
}

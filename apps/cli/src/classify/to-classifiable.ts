import { type ClassifiableContent, untrusted } from "@mailfleet/domain";
import type { ReadableMessage } from "@mailfleet/mail-content";

/** A parsed message as classifiers are shown it, with what is known beside it. */
export function toClassifiable(
  { subject, text, html, from, replyTo, attachments }: ReadableMessage,
  facts: ClassifiableContent["facts"],
): ClassifiableContent {
  return {
    direction: "inbound",
    ...untrusted({ subject, text, html, from, replyTo }),
    attachments: attachments.map(({ filename, contentType, bytes }) => {
      return { ...untrusted({ filename, contentType }), sizeBytes: bytes.byteLength };
    }),
    facts,
  };
}

import { isAscii } from "node:buffer";
import type { OutgoingMessage, RecipientRefusal } from "@mailfleet/domain";

/** Whether a reply to EHLO offers SMTPUTF8 (RFC 6531 §3.1). */
export function offersSmtpUtf8(ehloReply: string): boolean {
  return /^250[ -]SMTPUTF8\b/im.test(ehloReply);
}

/**
 * Who cannot be reached through a server that does not offer SMTPUTF8, with the replies that RFC 6531 §3.7.4 gives it for
 * that: an address beyond ASCII, and everybody where the sender's is one or stands in the header, for then the message
 * itself is in UTF-8 (RFC 6532). Asked anyway, some servers take such a message and lose it later.
 */
export function refusedBeyondAscii({ envelope, raw }: OutgoingMessage): readonly RecipientRefusal[] {
  const refused = (address: string, enhancedCode: string) => ({ address, code: 553, enhancedCode, permanent: true });
  if (!isAsciiText(envelope.from)) return envelope.to.map((address) => refused(address, "5.6.7"));
  const headers = raw.subarray(0, headersLength(raw));
  return envelope.to.flatMap((address) => {
    if (!isAsciiText(address)) return refused(address, "5.6.7");
    return isAscii(headers) ? [] : refused(address, "5.6.9");
  });
}

function headersLength(raw: Uint8Array): number {
  const end = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).indexOf("\r\n\r\n");
  return end === -1 ? raw.length : end;
}

function isAsciiText(text: string): boolean {
  return isAscii(Buffer.from(text));
}

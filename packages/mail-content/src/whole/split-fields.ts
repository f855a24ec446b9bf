import { type Buffer, isAscii } from "node:buffer";
import { refuseMessage } from "./refuse-message.ts";

/** One header field as it came, folded lines and all, with the CRLF that ends it. */
export type RawField = { readonly name: string; readonly text: string };

/** RFC 5322 §3.6: these stand once. A second one is read by some programs and not by others. */
const once = new Set([
  ...["from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references"],
  ...["mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id"],
]);

/**
 * Takes a header block apart, strictly: what one reader takes for a header and another does not is refused, so that no
 * recipient or sender can hide in it.
 *
 * @throws OperationalError `contract.violated`
 */
export function splitFields(block: Buffer): readonly RawField[] {
  if (!isAscii(block)) refuseMessage("has a header with raw 8-bit characters; encode it as RFC 2047 says");
  const text = block.toString("latin1");
  if (/[^\t\r\n\x20-\x7e]/.test(text)) refuseMessage("has a header with a control character");
  const fields = text.split(/\r\n(?![ \t])/).map((field): RawField => {
    const [, name] = /^([\x21-\x39\x3b-\x7e]{1,76}):/.exec(field) ?? [];
    if (name === undefined) refuseMessage("has a line among its headers that is none");
    if (/\r\n[ \t]*(\r\n|$)/.test(field)) refuseMessage("has a header with an empty folded line");
    return { name: name.toLowerCase(), text: `${field}\r\n` };
  });
  const names = fields.map(({ name }) => name);
  if (names.some((name, at) => once.has(name) && names.indexOf(name) !== at))
    refuseMessage("has a header twice that may stand once");
  return fields;
}

/** Its value on one line. */
export function unfolded({ text }: RawField): string {
  return text
    .slice(text.indexOf(":") + 1)
    .replace(/\r\n/g, "")
    .trim();
}

import { Buffer, isUtf8 } from "node:buffer";

/**
 * Where the headers of a message or part end and its body begins: after the first empty line (RFC 5322 §2.1). Lines may
 * end in CRLF or in a bare LF. `headersEnd` leaves out the line break of the last header.
 */
export function splitEntity(bytes: Buffer, start: number, end: number): { headersEnd: number; bodyStart: number } {
  if (bytes[start] === lf) return { headersEnd: start, bodyStart: start + 1 };
  if (bytes[start] === cr && bytes[start + 1] === lf) return { headersEnd: start, bodyStart: start + 2 };
  for (let at = bytes.indexOf(lf, start); at !== -1 && at < end; at = bytes.indexOf(lf, at + 1)) {
    const headersEnd = bytes[at - 1] === cr ? at - 1 : at;
    if (at + 1 >= end) return { headersEnd, bodyStart: end };
    if (bytes[at + 1] === lf) return { headersEnd, bodyStart: at + 2 };
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return { headersEnd, bodyStart: at + 3 };
  }
  return { headersEnd: end, bodyStart: end };
}

/** The header block of a raw message, as it came. Never more than `headerBlockBytesMax`. A view, not a copy. */
export function headerBlock(raw: Uint8Array): Buffer {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.byteLength, headerBlockBytesMax));
  return bytes.subarray(0, splitEntity(bytes, 0, bytes.length).headersEnd);
}

/**
 * The unfolded values of the wanted headers, each name's first to last. Names are lower case. RFC 6532 makes headers
 * UTF-8; what is not is read as windows-1252, which is what senders of raw 8-bit headers meant.
 */
export function readHeaders(block: Buffer, wanted: ReadonlySet<string>): Map<string, string[]> {
  const text = isUtf8(block) ? block.toString("utf8") : windows1252.decode(block);
  const found = new Map<string, string[]>();
  for (let at = 0; at < text.length; ) {
    const end = endOfHeader(text, at);
    const colon = text.indexOf(":", at);
    if (colon === -1) break;
    if (colon - at <= nameLengthMax && colon < end) {
      // A name folded before its colon is no header by the grammar, and yet some readers take it: better seen than missed.
      const name = text
        .slice(at, colon)
        .replace(/[ \t\r\n]+$/, "")
        .toLowerCase();
      if (wanted.has(name)) {
        const value = text
          .slice(colon + 1, end)
          .replace(/\r?\n(?=[ \t])/g, "")
          .replace(/[\r\n]+/g, " ")
          .trim();
        const values = found.get(name);
        if (values === undefined) found.set(name, [value]);
        else values.push(value);
      }
    }
    at = end + 1;
  }
  return found;
}

/**
 * Only SP and HTAB continue a header (RFC 5322 §2.2.3). Were other blanks to, one reader would see a header that another
 * does not.
 */
function endOfHeader(text: string, start: number): number {
  for (let end = text.indexOf("\n", start); end !== -1; end = text.indexOf("\n", end + 1)) {
    if (text[end + 1] !== " " && text[end + 1] !== "\t") return end;
  }
  return text.length;
}

/** Fixed, not a setting: what is found in a header block must be the same tomorrow. */
const headerBlockBytesMax = 1_048_576;
const nameLengthMax = 80;
const windows1252 = new TextDecoder("windows-1252");
const cr = 0x0d;
const lf = 0x0a;

/**
 * One byte string for a list of fields, such that different lists never give the same bytes: each field is preceded by
 * its length (32 bits, big-endian). Joining with a separator would let a field that contains it imitate two.
 * The first field names the use, so that data authenticated for one use is never taken for another.
 */
export function encodeFields(...fields: readonly (string | number)[]): Uint8Array {
  return encodeAscii(fields) ?? encodeText(fields);
}

/**
 * Nearly every field there is: one byte for each UTF-16 unit. Null where it is not so. By hand, because for texts this short
 * each call out of JavaScript costs more than the cipher does.
 */
function encodeAscii(fields: readonly (string | number)[]): Uint8Array | null {
  const texts = fields.map(String);
  let length = 4 * texts.length;
  for (const text of texts) length += text.length;
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (const text of texts) {
    bytes[end++] = text.length >>> 24;
    bytes[end++] = text.length >>> 16;
    bytes[end++] = text.length >>> 8;
    bytes[end++] = text.length;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > asciiMax) return null;
      bytes[end++] = unit;
    }
  }
  return bytes;
}

const asciiMax = 0x7f;

function encodeText(fields: readonly (string | number)[]): Uint8Array {
  let textLength = 0;
  for (const field of fields) textLength += String(field).length;
  // UTF-8 takes at most three bytes for each UTF-16 unit.
  const bytes = Buffer.allocUnsafe(4 * fields.length + 3 * textLength);
  let end = 0;
  for (const field of fields) {
    const text = String(field);
    // UTF-8 turns every lone surrogate into U+FFFD, so two such texts would become one.
    if (!text.isWellFormed()) throw new TypeError("only well-formed text can be bound to a ciphertext");
    const length = bytes.write(text, end + 4);
    bytes.writeUInt32BE(length, end);
    end += 4 + length;
  }
  return bytes.subarray(0, end);
}

/**
 * One byte string for a list of fields, such that different lists never give the same bytes: each field is preceded by
 * its length (32 bits, big-endian). Joining with a separator would let a field that contains it imitate two.
 * The first field names the use, so that data authenticated for one use is never taken for another.
 */
export function encodeFields(...fields: readonly (string | number)[]): Uint8Array {
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

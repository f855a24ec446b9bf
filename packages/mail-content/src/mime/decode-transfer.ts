import { Buffer } from "node:buffer";

/** Undoes a Content-Transfer-Encoding (RFC 2045 §6). An unknown one, like 7bit, 8bit and binary, leaves the bytes as they are. */
export function decodeTransfer(bytes: Buffer, encoding: string): Buffer {
  if (encoding === "base64") return decodeBase64(bytes);
  if (encoding === "quoted-printable") return decodeQuotedPrintable(bytes);
  return bytes;
}

/**
 * Padding ends a unit, not the part: some programs pad every line. Everything outside the alphabet is skipped (RFC 2045
 * §6.8), the two other digits of base64url too, which Node would take.
 */
function decodeBase64(bytes: Buffer): Buffer {
  const padding = bytes.indexOf(equals);
  const foreign = bytes.includes(hyphen) || bytes.includes(underscore);
  if (!foreign && padding === -1) return withoutCutUnit(bytes, Buffer.from(bytes.toString("latin1"), "base64"));
  if (!foreign && onlyPaddingFollows(bytes, padding)) return Buffer.from(bytes.toString("latin1"), "base64");
  const decoded = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let bits = 0;
  let pending = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const value = base64Digits[bytes[at] ?? 0] ?? 255;
    if (value === 255) {
      if (bytes[at] === equals) pending = 0;
      continue;
    }
    bits = ((bits << 6) | value) & 0xffff;
    pending += 6;
    if (pending < 8) continue;
    pending -= 8;
    decoded[length] = (bits >> pending) & 0xff;
    length += 1;
  }
  // Four bits are left behind one byte of a unit, two behind two.
  const cut = pending < 6 && (bits & ((1 << pending) - 1)) !== 0;
  return decoded.subarray(0, cut ? length - (pending === 4 ? 1 : 2) : length);
}

/**
 * Without padding the last unit may be short. Where its spare bits are zero its writer left the padding out (RFC 4648 §3.2
 * and §3.5); where they are not, the text was cut or goes on in junk, and half a unit is no data.
 */
function withoutCutUnit(bytes: Buffer, decoded: Buffer): Buffer {
  const short = decoded.length % 3;
  if (short === 0) return decoded;
  let at = bytes.length - 1;
  while (at >= 0 && base64Digits[bytes[at] ?? 0] === 255) at -= 1;
  const spare = (base64Digits[bytes[at] ?? 0] ?? 0) & (short === 1 ? 0b1111 : 0b11);
  return spare === 0 ? decoded : decoded.subarray(0, decoded.length - short);
}

function onlyPaddingFollows(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte !== equals && byte > space) return false;
  }
  return true;
}

/** RFC 2045 §6.7. An escape that is none stays as it is written; blanks at the end of a line were put there on the way. */
function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const decoded = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let start = 0;
  for (let lineEnd = bytes.indexOf(lf); start < bytes.length; lineEnd = bytes.indexOf(lf, start)) {
    const next = lineEnd === -1 ? bytes.length : lineEnd + 1;
    let end = lineEnd === -1 ? bytes.length : lineEnd;
    const lineBreak = end > start && bytes[end - 1] === cr ? end - 1 : end;
    end = lineBreak;
    while (end > start && (bytes[end - 1] === space || bytes[end - 1] === tab)) end -= 1;
    const soft = end > start && bytes[end - 1] === equals;
    length = decodeLine(bytes, { start, end: soft ? end - 1 : end }, { decoded, length });
    if (!soft) length += bytes.copy(decoded, length, lineBreak, next);
    start = next;
  }
  return decoded.subarray(0, length);
}

function decodeLine(
  bytes: Buffer,
  line: { start: number; end: number },
  into: { decoded: Buffer; length: number },
): number {
  let { length } = into;
  for (let at = line.start; at < line.end; at += 1) {
    const byte = bytes[at] ?? 0;
    const escaped = byte === equals && at + 2 < line.end ? hexByte(bytes[at + 1], bytes[at + 2]) : -1;
    into.decoded[length] = escaped === -1 ? byte : escaped;
    length += 1;
    if (escaped !== -1) at += 2;
  }
  return length;
}

function hexByte(high: number | undefined, low: number | undefined): number {
  const [first, second] = [hexDigits[high ?? 0] ?? 255, hexDigits[low ?? 0] ?? 255];
  return first === 255 || second === 255 ? -1 : first * 16 + second;
}

const hexDigits = new Uint8Array(256).fill(255);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  hexDigits[digit.charCodeAt(0)] = value;
  hexDigits[digit.toUpperCase().charCodeAt(0)] = value;
}

const base64Digits = new Uint8Array(256).fill(255);
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
for (const [value, digit] of [...alphabet].entries()) base64Digits[digit.charCodeAt(0)] = value;

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const equals = 0x3d;
const hyphen = 0x2d;
const underscore = 0x5f;

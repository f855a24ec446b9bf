import { Buffer } from "node:buffer";
import { refuseMessage } from "./refuse-message.ts";

/** RFC 5322 §2.1.1, without the CRLF. A server may cut what is longer (RFC 5321 §4.5.3.1.6). */
const lineBytesMax = 998;

/**
 * The message as it may leave: every line ends in CRLF, the last one too. Lines that ended in a bare LF, as files on many
 * systems do, are the only thing that changes; what could not arrive as it is, is refused.
 *
 * @throws OperationalError `contract.violated`
 */
export function canonicalBytes(raw: Uint8Array): Buffer {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  if (bytes.includes(0)) refuseMessage("holds NUL");
  const lines: Buffer[] = [];
  let bareLf = false;
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(lf, start);
    const end = found === -1 ? bytes.length : found;
    const hasCr = found !== -1 && bytes[end - 1] === cr && end > start;
    const line = bytes.subarray(start, hasCr ? end - 1 : end);
    if (line.includes(cr)) refuseMessage("holds a CR that ends no line");
    if (line.length > lineBytesMax) refuseMessage(`has a line of more than ${lineBytesMax} bytes; encode that part`);
    bareLf ||= !hasCr;
    lines.push(line, crlf);
    start = end + 1;
  }
  if (!bareLf) return bytes;
  // In a binary part an LF is data (RFC 2045 §2.9): there is no other way to write it than to encode the part.
  if (/^content-transfer-encoding:[ \t]*"?binary/im.test(bytes.toString("latin1")))
    refuseMessage("has a binary part; encode it as base64");
  return Buffer.concat(lines);
}

const crlf = Buffer.from("\r\n");
const cr = 0x0d;
const lf = 0x0a;

import { type Buffer, isAscii, isUtf8 } from "node:buffer";

/** What the bytes are of, where the header names no charset: HTML may name its own. */
export type TextFormat = "plain" | "html";

/**
 * The charset that the bytes themselves tell of, or undefined: a byte order mark, then UTF-8, since nothing else that people
 * write happens to be that, then what the HTML says of itself, then the escapes of ISO-2022-JP.
 *
 * @returns a label of the WHATWG encoding list where it is a mark, UTF-8 or escapes; of HTML whatever it claims
 */
export function detectCharset(bytes: Buffer, format: TextFormat): string | undefined {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (isUtf8(bytes) && !(bytes.includes(escapeByte) && isAscii(bytes))) return "utf-8";
  return format === "html" ? claimedCharset(bytes) : escapedCharset(bytes);
}

const escapeByte = 0x1b;
/** HTML Standard §13.2.3.2: a claim stands within so many bytes. */
const claimBytesMax = 1_024;

/** As the HTML Standard's prescan finds it: not in a comment, and never UTF-16, since the claim itself was read as ASCII. */
function claimedCharset(bytes: Buffer): string | undefined {
  const head = bytes.toString("latin1", 0, claimBytesMax).replace(/<!--.*?(-->|$)/gs, "");
  for (const [, attributes = ""] of head.matchAll(/<meta[\s/]([^>]*)/gi)) {
    const claim = /\bcharset\s*=\s*["']?\s*([\w.:-]+)/i.exec(attributes)?.[1]?.toLowerCase();
    if (claim !== undefined) return claim.startsWith("utf-16") ? "utf-8" : claim;
  }
  return undefined;
}

/** RFC 1468: the escapes that open a set of two bytes. HTML has to claim it: there, escapes are a way to hide markup. */
function escapedCharset(bytes: Buffer): string | undefined {
  return bytes.includes("\x1b$B") || bytes.includes("\x1b$@") ? "iso-2022-jp" : undefined;
}

import { domainToASCII } from "node:url";
import { type HeaderBlock, valuesOf } from "./header-fields.ts";

export type Author = { readonly address: string; readonly domain: string };

/** `several`: more than one author is claimed, and readers will disagree on which. `none`: no author that all would agree on. */
export type AuthorReading = { readonly author: Author } | { readonly author: null; readonly why: "several" | "none" };

/**
 * The one author a message claims: exactly one From field with exactly one plain mailbox, and the same address that the
 * message was parsed to have. What two readers could read in two ways is no author (RFC 7489 §6.6.1 leaves it to us).
 */
export function readAuthor(block: HeaderBlock, parsedFrom: readonly string[]): AuthorReading {
  const values = valuesOf(block.fields, "from");
  if (values.length > 1 || block.fromLines > 1 || parsedFrom.length > 1) return { author: null, why: "several" };
  const [value] = values;
  const [parsed] = parsedFrom;
  if (value === undefined || parsed === undefined) return { author: null, why: "none" };
  const outline = withoutQuotesAndComments(value);
  if (outline === null) return { author: null, why: "none" };
  if (/[,;:]/.test(outline)) return { author: null, why: "several" };
  const author = toAuthor(bareAddress(outline));
  return author !== null && author.address === parsed.toLowerCase() ? { author } : { author: null, why: "none" };
}

/** A name, if there is one, holds no `@` unless it is quoted; then `<address>`, and nothing behind it. */
function bareAddress(outline: string): string {
  const named = /^[^<>@]*<([^<>]*)>$/.exec(outline.trim());
  return named?.[1] ?? outline.trim();
}

/**
 * A value with every quoted string and comment replaced by a space. Null where one of them does not end, or stands within
 * the address itself.
 */
function withoutQuotesAndComments(value: string): string | null {
  let outline = "";
  let depth = 0;
  let inQuotes = false;
  let inAngle = false;
  for (let at = 0; at < value.length; at++) {
    const char = value[at] ?? "";
    if ((inQuotes || depth > 0) && char === "\\") at++;
    else if (inQuotes) inQuotes = char !== '"';
    else if (char === "(") depth++;
    else if (depth > 0) depth -= char === ")" ? 1 : 0;
    else if (char === '"') {
      inQuotes = true;
      outline += " ";
    } else {
      if (char === "<") inAngle = true;
      outline += char;
    }
    if (inAngle && (inQuotes || depth > 0) && !outline.includes(">")) return null;
  }
  return inQuotes || depth > 0 ? null : outline;
}

/** RFC 5322 §3.2.3's dot-atom only, and no encoded word, which RFC 2047 §5 forbids in an address. */
const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
const domainName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/i;

function toAuthor(address: string): Author | null {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at);
  const domain = domainToASCII(address.slice(at + 1)).toLowerCase();
  if (at < 1 || address.length > 320 || !localPart.test(local) || local.includes("=?")) return null;
  if (!domainName.test(domain) || domain !== address.slice(at + 1).toLowerCase()) return null;
  return { address: `${local.toLowerCase()}@${domain}`, domain };
}

import { randomBytes } from "node:crypto";
import { OperationalError } from "@mailfleet/domain";
import { headerBlock, readHeaders } from "./mime/header-block.ts";

/** RFC 5322 §2.1.1: no line is longer. A longer id is nobody's. */
const messageIdLengthMax = 998;
/** References grow with a thread. The root and the newest say where a message belongs. */
export const referencesMax = 100;
const idsScannedMax = 10_000;

/**
 * A message's own Message-ID, read from the raw bytes alone. The same bytes give the same answer whether the message can
 * be parsed or not, and whatever the parser's limits are.
 */
export function readMessageIdHeader(raw: Uint8Array): string | null {
  for (const value of readHeaders(headerBlock(raw), messageIdOnly).get("message-id") ?? []) {
    const [id] = parseMessageIds(value);
    if (id !== undefined) return id;
  }
  return null;
}

const messageIdOnly = new Set(["message-id"]);

/**
 * The ids of a Message-ID, In-Reply-To or References header (RFC 5322 §3.6.4) in the form `<left@right>`: comments and
 * white space left out, each id once. Takes what real mail has: ids without brackets, prose between them.
 */
export function parseMessageIds(value: string): string[] {
  const plain = value.includes("(") ? withoutComments(value) : value;
  const ids = new Set<string>();
  if (plain.includes("<")) {
    for (const [, inside] of plain.matchAll(/<([^<>]*)>/g)) addId(ids, (inside ?? "").replace(/\s+/g, ""));
  } else {
    for (const word of plain.split(/[\s,;]+/)) if (word.includes("@")) addId(ids, word);
  }
  return [...ids];
}

function addId(ids: Set<string>, id: string): void {
  const usable = id !== "" && id.length + 2 <= messageIdLengthMax && !unusable.test(id) && id.isWellFormed();
  if (usable && ids.size < idsScannedMax) ids.add(`<${id}>`);
}

/** Control characters, and what the decoder put where bytes were no UTF-8: such an id would never be found again. */
const unusable = /[\p{Cc}\uFFFD]/u;

/** RFC 5322 §3.2.2: comments nest, and a backslash quotes. Inside angle brackets a parenthesis is part of the id. */
function withoutComments(value: string): string {
  let kept = "";
  let depth = 0;
  let bracketed = false;
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at];
    if (depth > 0 && char === "\\") at += 1;
    else if (char === "(" && !bracketed) depth += 1;
    else if (char === ")" && depth > 0) depth -= 1;
    else if (depth === 0) {
      if (char === "<") bracketed = true;
      if (char === ">") bracketed = false;
      kept += char;
    }
  }
  // An unbalanced parenthesis is no comment: dropping everything behind it would drop the id.
  return depth === 0 ? kept : value;
}

/**
 * A new Message-ID that nobody can guess (RFC 5322 §3.6.4): whoever quotes it has seen the message.
 *
 * @throws OperationalError `contract.violated` when `domain` is no host name
 */
export function newMessageIdHeader(domain: string): string {
  if (domain.length > 253 || !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(domain)) {
    throw new OperationalError("contract.violated", "a Message-ID needs a host name in ASCII");
  }
  return `<${randomBytes(24).toString("base64url")}@${domain.toLowerCase()}>`;
}

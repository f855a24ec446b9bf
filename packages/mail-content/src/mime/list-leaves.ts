import type { Buffer } from "node:buffer";
import type { ParseLimits } from "../parse-limits.ts";
import { decodeTransfer } from "./decode-transfer.ts";
import { LimitExceeded, type Part, readParts } from "./read-parts.ts";

/** A leaf of the MIME tree, or a message that stands inside and is a part with leaves of its own. */
export type Leaf = Omit<Part, "body" | "headersStart" | "headersEnd"> & {
  /** As they came, without the empty line. */
  readonly headers: Buffer;
  /** Decoded. A view of the raw message where nothing had to be decoded. */
  readonly bytes: Buffer;
  /** How many messages it stands inside of; 0 for what this message itself says. */
  readonly nesting: number;
};

/**
 * Every leaf in its order, also of messages inside the message: those are listed themselves, and behind them their leaves,
 * numbered as IMAP does (RFC 9051 §6.4.5). All of it together stays within the limits: what goes beyond is left out with a
 * warning, since the message itself can be read.
 *
 * @throws LimitExceeded where the message's own parts are too many
 */
export function listLeaves(raw: Buffer, limits: ParseLimits, warn: (warning: string) => void): Leaf[] {
  const leaves: Leaf[] = [];
  let bytesLeft = limits.rawBytesMax;

  const list = (bytes: Buffer, nesting: number, prefix: string) => {
    const left = { ...limits, partsMax: limits.partsMax - leaves.length };
    for (const part of readParts(bytes, left, nesting === 0 ? warn : () => {})) {
      if (leaves.length >= limits.partsMax) throw new LimitExceeded("too-many-parts");
      const { body, headersStart, headersEnd, ...rest } = part;
      const headers = bytes.subarray(headersStart, headersEnd);
      const decoded = decodeTransfer(body, part.transferEncoding);
      const leaf = { ...rest, path: prefix + part.path, headers, bytes: decoded, nesting };
      leaves.push(leaf);
      if (isMessage(part)) listInside(leaf);
    }
  };
  const listInside = (leaf: Leaf) => {
    bytesLeft -= leaf.bytes.length;
    if (leaf.nesting >= nestedMessagesMax || bytesLeft < 0) return warn("parts.incomplete");
    try {
      list(leaf.bytes, leaf.nesting + 1, `${leaf.path}.`);
    } catch (error) {
      if (!(error instanceof LimitExceeded)) throw error;
      warn("parts.incomplete");
    }
  };
  list(raw, 0, "");
  return leaves;
}

const nestedMessagesMax = 10;

/** RFC 2046 §5.2.1; `global` is its form with UTF-8 headers (RFC 6532 §3.7). */
export function isMessage({ contentType }: Pick<Part, "contentType">): boolean {
  return contentType.value === "message/rfc822" || contentType.value === "message/global";
}

import { Buffer } from "node:buffer";
import type { UnparsedReason } from "../parsed-message.ts";
import { readHeaders, splitEntity } from "./header-block.ts";
import { type ParameterisedValue, parseParameters } from "./parameters.ts";

/** A part that holds content: a leaf of the MIME tree (RFC 2045 §2.4), its body still encoded. */
export type Part = {
  /** Its section number (RFC 9051 §6.4.5), such as `1.2`. */
  readonly path: string;
  readonly contentType: ParameterisedValue;
  readonly disposition: ParameterisedValue;
  readonly transferEncoding: string;
  readonly contentId: string | null;
  /** Where its headers begin and end, without the empty line. */
  readonly headersStart: number;
  readonly headersEnd: number;
  /** A view of the raw message. */
  readonly body: Buffer;
  /** Which `multipart/alternative` it is a version of, where it is one. */
  readonly alternative: number | null;
  /** Belongs to a `multipart/related` (RFC 2387), so that a Content-ID makes it a picture in the text. */
  readonly related: boolean;
};

export type PartLimits = {
  readonly partsMax: number;
  readonly nestingDepthMax: number;
  readonly headersBytesMax: number;
  readonly delimiterLinesMax: number;
};

/** Thrown inside this package only; `parseMessage` turns it into an answer. */
export class LimitExceeded extends Error {
  readonly reason: UnparsedReason;

  constructor(reason: UnparsedReason) {
    super(reason);
    this.reason = reason;
  }
}

type Entity = {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  readonly defaultType: string;
  readonly alternative: number | null;
  readonly related: boolean;
};

const partHeaders = new Set(["content-type", "content-transfer-encoding", "content-disposition", "content-id"]);

/**
 * Finds the parts of a message in their order. Linear in its size: lines that may be delimiters are found once, and each
 * level of nesting looks at those of its own range only.
 *
 * @throws LimitExceeded
 */
export function readParts(raw: Buffer, limits: PartLimits, warn: (warning: string) => void): Part[] {
  const reading = new PartReading(raw, limits, warn);
  const whole = {
    path: "",
    start: 0,
    end: raw.length,
    depth: 0,
    defaultType: "text/plain",
    alternative: null,
    related: false,
  };
  reading.read(whole);
  return reading.parts;
}

class PartReading {
  readonly parts: Part[] = [];
  readonly #raw: Buffer;
  readonly #limits: PartLimits;
  readonly #warn: (warning: string) => void;
  readonly #delimiters: Int32Array;
  #headersBytes = 0;
  #entities = 0;

  constructor(raw: Buffer, limits: PartLimits, warn: (warning: string) => void) {
    this.#raw = raw;
    this.#limits = limits;
    this.#warn = warn;
    this.#delimiters = findDelimiterLines(raw, limits.delimiterLinesMax);
  }

  read(entity: Entity): void {
    this.#entities += 1;
    if (this.#entities > this.#limits.partsMax) throw new LimitExceeded("too-many-parts");
    if (entity.depth > this.#limits.nestingDepthMax) throw new LimitExceeded("nested-too-deep");
    const { headersEnd, bodyStart } = splitEntity(this.#raw, entity.start, entity.end);
    this.#headersBytes += headersEnd - entity.start;
    if (this.#headersBytes > this.#limits.headersBytesMax) throw new LimitExceeded("headers-too-large");

    const headers = readHeaders(this.#raw.subarray(entity.start, headersEnd), partHeaders);
    // The first one holds, as everywhere here; another reader may take the last, and see another message.
    for (const [name, values] of headers) if (values.length > 1) this.#warn(`${name}.duplicated`);
    const value = (name: string) => headers.get(name)?.[0];
    const contentType = parseParameters(value("content-type") ?? entity.defaultType);
    if (contentType.value.startsWith("multipart/") && this.#readChildren(entity, contentType, bodyStart)) return;

    const [transferEncoding = ""] =
      /[a-z0-9-]+/.exec(parseParameters(value("content-transfer-encoding") ?? "").value) ?? [];
    this.parts.push({
      path: entity.path === "" ? "1" : entity.path,
      // A multipart without a single part is shown as the text it is, rather than hidden from whoever checks it.
      contentType: contentType.value.startsWith("multipart/") ? plainText : contentType,
      disposition: parseParameters(value("content-disposition") ?? ""),
      transferEncoding,
      contentId: value("content-id") ?? null,
      headersStart: entity.start,
      headersEnd,
      body: this.#raw.subarray(bodyStart, entity.end),
      alternative: entity.alternative,
      related: entity.related,
    });
  }

  /** False where the body holds no delimiter of this multipart. */
  #readChildren(parent: Entity, contentType: ParameterisedValue, bodyStart: number): boolean {
    const ranges = this.#childRanges(contentType.parameters.get("boundary") ?? "", bodyStart, parent.end);
    if (ranges.length === 0) {
      this.#warn("multipart.empty");
      return false;
    }
    const subtype = contentType.value.slice("multipart/".length);
    const inherited = {
      depth: parent.depth + 1,
      // RFC 2046 §5.1.5.
      defaultType: subtype === "digest" ? "message/rfc822" : "text/plain",
      alternative: subtype === "alternative" ? this.#entities : parent.alternative,
      related: parent.related || subtype === "related",
    };
    const prefix = parent.path === "" ? "" : `${parent.path}.`;
    for (const [index, range] of ranges.entries()) this.read({ ...range, ...inherited, path: `${prefix}${index + 1}` });
    return true;
  }

  #childRanges(boundary: string, bodyStart: number, bodyEnd: number): { start: number; end: number }[] {
    const ranges: { start: number; end: number }[] = [];
    if (boundary === "") return ranges;
    const marker = Buffer.from(`--${boundary}`, "utf8");
    let start = -1;
    for (let index = firstAtOrAfter(this.#delimiters, bodyStart); index < this.#delimiters.length; index += 1) {
      const at = this.#delimiters[index] ?? bodyEnd;
      if (at >= bodyEnd) break;
      const line = delimiterAt(this.#raw, at, marker);
      if (line === null) continue;
      if (start !== -1) ranges.push({ start, end: beforeLineBreak(this.#raw, at, start) });
      start = Math.min(line.next, bodyEnd);
      if (line.closes) return ranges;
    }
    // The closing delimiter is missing: the last part ends where its parent does.
    if (start !== -1) ranges.push({ start, end: bodyEnd });
    return ranges;
  }
}

const plainText: ParameterisedValue = { value: "text/plain", parameters: new Map() };

/** Offsets of all lines that begin with `--`: nothing else can be a delimiter (RFC 2046 §5.1.1). */
function findDelimiterLines(raw: Buffer, countMax: number): Int32Array {
  const offsets: number[] = [];
  if (raw[0] === hyphen && raw[1] === hyphen) offsets.push(0);
  for (let at = raw.indexOf("\n--", 0, "latin1"); at !== -1; at = raw.indexOf("\n--", at + 3, "latin1")) {
    offsets.push(at + 1);
    if (offsets.length > countMax) throw new LimitExceeded("too-many-parts");
  }
  return Int32Array.from(offsets);
}

function firstAtOrAfter(offsets: Int32Array, position: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * `--boundary` or `--boundary--` and the end of the line, or a blank and anything: "it is sufficient that the boundary
 * appear in its entirety" (RFC 2046 §5.1.1), but another boundary may begin with this one.
 */
function delimiterAt(raw: Buffer, at: number, marker: Buffer): { next: number; closes: boolean } | null {
  const end = at + marker.length;
  if (raw.compare(marker, 0, marker.length, at, Math.min(end, raw.length)) !== 0) return null;
  const closes = raw[end] === hyphen && raw[end + 1] === hyphen;
  const after = closes ? end + 2 : end;
  if (after < raw.length && !lineEnds.includes(raw[after] ?? 0)) return null;
  const lineBreak = raw.indexOf(0x0a, after);
  return { next: lineBreak === -1 ? raw.length : lineBreak + 1, closes };
}

/** The line break before a delimiter belongs to the delimiter, not to the part. */
function beforeLineBreak(raw: Buffer, at: number, start: number): number {
  const end = raw[at - 2] === 0x0d ? at - 2 : at - 1;
  return Math.max(end, start);
}

const hyphen = 0x2d;
const lineEnds: readonly number[] = [0x20, 0x09, 0x0d, 0x0a];

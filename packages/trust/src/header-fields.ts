import { Buffer } from "node:buffer";

/** One header field as it came: its name in lower case, its value unfolded. */
export type HeaderField = { readonly name: string; readonly value: string };

/** More than any provider lets through; a block beyond it is not judged by its signatures. */
const headerBlockBytesMax = 262_144;
const headerLinesMax = 5_000;

export type HeaderBlock = {
  readonly fields: readonly HeaderField[];
  /** What some reader could take for a From header: lines that begin so after any kind of line break. */
  readonly fromLines: number;
  /** False where the block is too large to be judged. */
  readonly whole: boolean;
};

/**
 * The header fields of a raw message, topmost first. Bytes are read as Latin-1: all that is compared here is ASCII, and what
 * is not must fail. Reads no further than `headerBlockBytesMax`.
 */
export function readHeaderBlock(raw: Uint8Array): HeaderBlock {
  const head = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.byteLength, headerBlockBytesMax)).toString(
    "latin1",
  );
  const end = /^\r?\n|\r?\n\r?\n/.exec(head);
  const block = end === null ? head : head.slice(0, end.index);
  const lines = block.split(/\r?\n/);
  const whole = lines.length <= headerLinesMax && (end !== null || raw.byteLength < headerBlockBytesMax);
  return {
    fields: unfold(lines.slice(0, headerLinesMax)),
    fromLines: block.split(/\r\n|\r|\n/).filter((line) => fromLine.test(line)).length,
    whole,
  };
}

const fromLine = /^from[ \t]*(:|$)/i;

/** Only SP and HTAB continue a field (RFC 5322 §2.2.3). */
function unfold(lines: readonly string[]): HeaderField[] {
  const folded: string[][] = [];
  for (const line of lines) {
    const last = folded.at(-1);
    if (last !== undefined && /^[ \t]/.test(line)) last.push(line);
    else folded.push([line]);
  }
  return folded.flatMap((parts) => {
    const field = parts.join("");
    const colon = field.indexOf(":");
    if (colon < 1) return [];
    return [{ name: field.slice(0, colon).trimEnd().toLowerCase(), value: field.slice(colon + 1).trim() }];
  });
}

/** The values of a name's fields, topmost first. */
export function valuesOf(fields: readonly HeaderField[], name: string): string[] {
  return fields.flatMap((field) => (field.name === name ? [field.value] : []));
}

import type { PartLimits } from "./mime/read-parts.ts";

export type ParseLimits = PartLimits & {
  readonly rawBytesMax: number;
  /** Every part, multiparts included. */
  readonly partsMax: number;
  readonly nestingDepthMax: number;
  /** Of all parts together. */
  readonly headersBytesMax: number;
  /** Lines that begin with `--` and so may be delimiters. */
  readonly delimiterLinesMax: number;
  readonly attachmentsMax: number;
  /** What an attached archive says it becomes; beyond it and `unpackedRatioMax` at once, it is a bomb. */
  readonly unpackedBytesMax: number;
  /** To the bytes of the attachment. Deflate reaches 1,032; tables and logs stay below 100. */
  readonly unpackedRatioMax: number;
  /** UTF-16 units of text, and of HTML. What is longer is cut, with a warning. */
  readonly textLengthMax: number;
};

/** Wide enough for what real people send (50 MB is the most Gmail takes), narrow enough that no message costs more than a second or two. */
export const defaultParseLimits: ParseLimits = {
  rawBytesMax: 52_428_800,
  partsMax: 2_000,
  nestingDepthMax: 50,
  headersBytesMax: 1_048_576,
  delimiterLinesMax: 100_000,
  attachmentsMax: 1_000,
  unpackedBytesMax: 1_000_000_000,
  unpackedRatioMax: 200,
  textLengthMax: 5_000_000,
};

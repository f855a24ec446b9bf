import { Buffer } from "node:buffer";
import { headerBlock } from "./mime/header-block.ts";
import { defaultParseLimits, type ParseLimits } from "./parse-limits.ts";

export type OverlongReason = "headers-too-large" | "too-large";

/** Why a message that is too much to read is so: by headers that do not end within their own limit, or by what comes after. */
export function overlongReason(raw: Uint8Array, { headersBytesMax }: ParseLimits = defaultParseLimits): OverlongReason {
  return headerBlock(raw).length >= headersBytesMax ? "headers-too-large" : "too-large";
}

/** The same of a message that passes by and is never held whole; ask for the reason once the iteration is over. */
export function overlongPassing(source: AsyncIterable<Uint8Array>): {
  readonly bytes: AsyncIterable<Uint8Array>;
  reason(): OverlongReason;
} {
  const head: Uint8Array[] = [];
  let missing = defaultParseLimits.headersBytesMax;
  async function* pass(): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      if (missing > 0) {
        head.push(chunk.slice(0, missing)); // a copy: the chunk may be written over once it has passed
        missing -= chunk.length;
      }
      yield chunk;
    }
  }
  return { bytes: pass(), reason: () => overlongReason(Buffer.concat(head)) };
}

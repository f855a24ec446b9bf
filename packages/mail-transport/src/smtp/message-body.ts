import { Readable } from "node:stream";

const chunkBytes = 64 * 1024;

export type MessageBodyEvents = {
  /** A byte is asked for. Asked for counts as sent: what a socket does with it can no longer be known. */
  readonly onBegin: () => void;
  /** The last byte was taken. */
  readonly onEnd: () => void;
};

/** The message as a stream that tells when it begins to leave: the line between "nothing was sent" and "it may have been". */
export function messageBody(raw: Uint8Array, { onBegin, onEnd }: MessageBodyEvents): Readable {
  let taken = 0;
  return new Readable({
    highWaterMark: chunkBytes,
    read() {
      if (taken === 0) onBegin();
      const chunk = raw.subarray(taken, taken + chunkBytes);
      taken += chunk.length;
      this.push(chunk.length === 0 ? null : chunk);
      if (chunk.length === 0) onEnd();
    },
  });
}

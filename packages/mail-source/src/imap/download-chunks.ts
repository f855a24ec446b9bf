import { Buffer } from "node:buffer";
import { OperationalError } from "@mailfleet/domain";
import type { Session } from "./create-session.ts";
import { isRefusal } from "./to-operational-error.ts";

type Options = { signal: AbortSignal };

/**
 * A message in partial FETCHes (RFC 9051 §6.4.5), one for each chunk the caller asks for, so that nothing piles up.
 * Null when the first one brings nothing: the message is gone or cannot be read.
 *
 * @throws OperationalError `provider.unavailable` from the iteration when the message ends early
 */
export async function downloadChunks(
  session: Session,
  uid: number,
  chunkBytes: number,
  options: Options,
): Promise<AsyncIterable<Uint8Array> | null> {
  const first = await readChunk(session, uid, { start: 0, chunkBytes }, options);
  return first === null ? null : chunksFrom(first);

  async function* chunksFrom(head: Uint8Array): AsyncGenerator<Uint8Array> {
    yield head;
    // RFC822.SIZE is an estimate at some servers, so the end is where a chunk comes short. A server that ignores the
    // range sends the whole message as its first chunk.
    let start = head.length;
    for (let length = head.length; length === chunkBytes; ) {
      const chunk = await readChunk(session, uid, { start, chunkBytes }, options);
      if (chunk === null)
        throw new OperationalError("provider.unavailable", "imap FETCH: a message went away while it was read");
      if (chunk.length > 0) yield chunk;
      start += chunk.length;
      length = chunk.length;
    }
  }
}

async function readChunk(
  session: Session,
  uid: number,
  range: { start: number; chunkBytes: number },
  options: Options,
): Promise<Uint8Array | null> {
  const query = { uid: true, source: { start: range.start, maxLength: range.chunkBytes } };
  return session.run("FETCH", options, async () => {
    try {
      const row = await session.client.fetchOne(String(uid), query, { uid: true });
      return row !== false && row !== undefined && Buffer.isBuffer(row.source) ? row.source : null;
    } catch (error) {
      if (range.start === 0 && isRefusal(error)) return null;
      throw error;
    }
  });
}

import { randomBytes, randomUUID } from "node:crypto";
import {
  type DataKey,
  type KeyContext,
  type KeyManagement,
  OperationalError,
  type WrappedKey,
} from "@mailfleet/domain";

export type MemoryKeyManagement = KeyManagement & {
  /** How often each method was asked, refused calls included. */
  readonly calls: { createDataKey: number; unwrap: number; wrap: number };
  /** From now on every call fails with this; null lets calls through again. */
  failWith(error: Error | null): void;
  /** From now on every call waits, until `resume` or the caller's signal ends the wait. */
  pause(): void;
  resume(): void;
};

/** Remembers each key under a random ticket, and the ticket is what it calls the wrapped key. Told where to fail. */
export function memoryKeyManagement(): MemoryKeyManagement {
  const keyId = `memory:${randomUUID()}`;
  const kept = new Map<string, { key: Uint8Array; context: string }>();
  const calls = { createDataKey: 0, unwrap: 0, wrap: 0 };
  let failure: Error | null = null;
  let paused = Promise.withResolvers<void>();
  paused.resolve();

  async function pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await untilResumed(paused.promise, signal);
    if (failure !== null) throw failure;
  }

  return {
    calls,
    failWith: (error) => {
      failure = error;
    },
    pause: () => {
      paused = Promise.withResolvers();
    },
    resume: () => paused.resolve(),

    async createDataKey(context: KeyContext, { signal }: { signal: AbortSignal }): Promise<DataKey> {
      calls.createDataKey += 1;
      await pass(signal);
      const ticket = randomBytes(16);
      const key = Uint8Array.from(randomBytes(32));
      kept.set(ticket.toString("hex"), { key, context: asText(context) });
      return { plaintext: Uint8Array.from(key), wrapped: { keyId, ciphertext: Uint8Array.from(ticket) } };
    },

    async wrap(key: Uint8Array, context: KeyContext, { signal }: { signal: AbortSignal }): Promise<WrappedKey> {
      calls.wrap += 1;
      await pass(signal);
      const ticket = randomBytes(16);
      kept.set(ticket.toString("hex"), { key: Uint8Array.from(key), context: asText(context) });
      return { keyId, ciphertext: Uint8Array.from(ticket) };
    },

    async unwrap(wrapped: WrappedKey, context: KeyContext, { signal }: { signal: AbortSignal }): Promise<Uint8Array> {
      calls.unwrap += 1;
      await pass(signal);
      const found = kept.get(Buffer.from(wrapped.ciphertext).toString("hex"));
      if (wrapped.keyId !== keyId || found === undefined || found.context !== asText(context)) {
        throw new OperationalError("credential.unreadable", "key, ciphertext and context do not belong together");
      }
      return Uint8Array.from(found.key);
    },
  };
}

function asText({ owner, purpose, version }: KeyContext): string {
  return JSON.stringify([owner, purpose, version]);
}

function untilResumed(resumed: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    void resumed.then(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

import { type FolderState, type ListedMessage, OperationalError } from "@mailfleet/domain";

type Stored = { uid: number; raw: Uint8Array; internalDate: Date; providerId: string | null; hidden: boolean };

/** A folder in memory, with the faults that real servers have. UIDs count from 1, as RFC 9051 §2.3.1.1 has it. */
export type MemoryFolder = {
  state(): FolderState;
  uids(): readonly number[];
  describe(uid: number): ListedMessage | undefined;
  /** Null when the message is gone or cannot be read. */
  read(uid: number): Uint8Array | null;
  /** Answers the message's UID. A hidden one has its UID already and shows up later, below newer ones. */
  deliver(raw: Uint8Array, options?: { internalDate?: Date; providerId?: string; hidden?: boolean }): number;
  reveal(uid: number): void;
  expunge(uid: number): void;
  /** A new UIDVALIDITY; what is left is counted anew from 1. */
  resetUidValidity(): void;
  /** From now on the server lists this UID and never delivers it. */
  makeUnreadable(uid: number): void;
  /** The connection ends with the nth body read from now. */
  failAfterReads(count: number): void;
  /** Calls back at each message that shows up, until the returned function is called. */
  listen(listener: () => void): () => void;
  /** From now on nobody who listens is told. */
  fallSilent(): void;
};

export function memoryFolder(): MemoryFolder {
  let uidValidity = 1n;
  let uidNext = 1;
  let modseq = 1n;
  let messages: Stored[] = [];
  let readsLeft = Number.POSITIVE_INFINITY;
  let silent = false;
  const unreadable = new Set<Stored>();
  const listeners = new Set<() => void>();
  const tell = () => {
    if (!silent) for (const listener of [...listeners]) listener();
  };
  const visible = () => messages.filter((message) => !message.hidden);
  const find = (uid: number) => visible().find((message) => message.uid === uid);

  return {
    state: () => ({ uidValidity, uidNext, highestModseq: modseq, messagesCount: visible().length }),
    uids: () => visible().map((message) => message.uid),
    describe(uid) {
      const message = find(uid);
      if (message === undefined) return undefined;
      const { internalDate, providerId, raw } = message;
      return { uid, sizeBytes: raw.length, internalDate, providerId, providerThreadId: null };
    },
    read(uid) {
      const message = find(uid);
      if (message === undefined || unreadable.has(message)) return null;
      if (readsLeft-- <= 0) {
        readsLeft = Number.POSITIVE_INFINITY;
        throw new OperationalError("provider.unavailable", "memory: the connection was lost");
      }
      return Uint8Array.from(message.raw);
    },
    deliver(raw, { internalDate = new Date(), providerId = null, hidden = false } = {}) {
      const whole = new Date(Math.floor(internalDate.getTime() / 1_000) * 1_000); // INTERNALDATE knows no fractions
      const uid = uidNext++;
      messages.push({ uid, raw: Uint8Array.from(raw), internalDate: whole, providerId, hidden });
      modseq++;
      if (!hidden) tell();
      return uid;
    },
    reveal(uid) {
      for (const message of messages) if (message.uid === uid) message.hidden = false;
      modseq++;
      tell();
    },
    expunge(uid) {
      messages = messages.filter((message) => message.uid !== uid);
      modseq++;
    },
    resetUidValidity() {
      uidValidity++;
      messages = messages.map((message, index) => Object.assign(message, { uid: index + 1 }));
      uidNext = messages.length + 1;
    },
    makeUnreadable(uid) {
      const message = messages.find((each) => each.uid === uid);
      if (message !== undefined) unreadable.add(message);
    },
    failAfterReads(count) {
      readsLeft = count;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    fallSilent() {
      silent = true;
    },
  };
}

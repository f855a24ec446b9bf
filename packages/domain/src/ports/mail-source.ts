import type { MailServer } from "../mail-server.ts";
import type { Login } from "./token-provider.ts";

/** A folder as EXAMINE answers it (RFC 9051 §6.3.3). A new `uidValidity` voids every UID known before. */
export type FolderState = {
  readonly uidValidity: bigint;
  readonly uidNext: number;
  readonly highestModseq: bigint | null;
  readonly messagesCount: number;
};

/** What is known of a message before its body is read. */
export type ListedMessage = {
  readonly uid: number;
  readonly sizeBytes: number;
  readonly internalDate: Date;
  /** The provider's own id of the content, tagged by kind: `gm:` X-GM-MSGID, `em:` EMAILID (RFC 8474). */
  readonly providerId: string | null;
  /** The provider's own id of the conversation, tagged in the same way: X-GM-THRID, THREADID (RFC 8474). */
  readonly providerThreadId: string | null;
};

export type FetchedMessage = ListedMessage & { readonly raw: Uint8Array };

/**
 * One logged-in connection to one mailbox. It never changes the mailbox: folders are opened read-only and bodies are
 * read with PEEK. Commands run one after another; each is bounded in time, and the connection ends with `close`.
 *
 * @throws OperationalError `provider.unavailable`, `provider.throttled`, `folder.missing`
 */
export interface MailConnection {
  /** Opens a folder read-only; the methods below speak of it until the next call. */
  examine(folder: string, options: { signal: AbortSignal }): Promise<FolderState>;
  /** All UIDs at or above `from`, ascending. `n:*` names the last message even below n (RFC 9051 §9); such are left out. */
  listUids(from: number, options: { signal: AbortSignal }): Promise<readonly number[]>;
  /** Sizes and dates, before any body moves. A UID that is gone is absent from the answer. */
  describe(uids: readonly number[], options: { signal: AbortSignal }): Promise<readonly ListedMessage[]>;
  /** Whole messages, in the order the server sends them. A UID that is gone, or cannot be read, is absent. The caller bounds their size. */
  fetch(messages: readonly ListedMessage[], options: { signal: AbortSignal }): AsyncIterable<FetchedMessage>;
  /** One large message as chunks, never held whole. Null when it is gone or cannot be read. */
  download(message: ListedMessage, options: { signal: AbortSignal }): Promise<AsyncIterable<Uint8Array> | null>;
  /** Null where the server cannot tell by itself what happens in a folder: it is asked then, again and again. */
  readonly watch: FolderWatch | null;
  /** Ends the connection, politely if the server lets us, at once otherwise. Never throws. */
  close(): Promise<void>;
}

/**
 * What a connection can do between two passes: stay in the folder it examined last, and be told (IDLE, RFC 2177).
 * Silence proves nothing: a server may never tell, and a connection may be dead at its other end. Only `examine` knows.
 */
export interface FolderWatch {
  /**
   * Waits, and goes on waiting, until the next command, which ends it. `onNews` is called at the first sign of a new
   * message since the last `examine`, this call's past included, and then not again before the next `examine`. `onEnd` is
   * called once when the connection ends while it waits, or when the server does not let it wait.
   */
  begin(on: { onNews(): void; onEnd(): void }): void;
  /**
   * Asks the server, with its cheapest command, whether messages have come or gone since the last `examine`. It is as
   * honest as the server's session is; only `examine` opens the folder anew.
   */
  hasChanged(options: { signal: AbortSignal }): Promise<boolean>;
}

/**
 * Opens mailboxes of one kind of server.
 *
 * @throws OperationalError `login.refused`, `login.suspect`, `provider.throttled`, `provider.unavailable`, `connection.insecure`, `host.refused`
 */
export interface MailSource {
  connect(mailbox: { server: MailServer; login: Login }, options: { signal: AbortSignal }): Promise<MailConnection>;
}

import { Buffer } from "node:buffer";
import { type FetchedMessage, type ListedMessage, type MailConnection, OperationalError } from "@mailfleet/domain";
import type { FetchMessageObject } from "imapflow";
import type { Session } from "./create-session.ts";
import { downloadChunks } from "./download-chunks.ts";
import type { ImapLimits } from "./limits.ts";
import { readRows } from "./read-rows.ts";
import { createFolderWatch } from "./watch-folder.ts";

type Options = { signal: AbortSignal };

/**
 * The port's promises on one imapflow session.
 *
 * Leaving the loop over `fetch` early is allowed: the server still sends the rest of that command, which is thrown
 * away as it comes, and the next command waits for it within its own deadline.
 */
export function createImapConnection(session: Session, limits: ImapLimits, now: () => Date): MailConnection {
  const { client } = session;
  const watch = createFolderWatch(session, limits);

  return {
    async examine(folder, options) {
      await watch?.examining();
      const box = await session.run("EXAMINE", options, () => client.mailboxOpen(folder, { readOnly: true }));
      const { uidValidity, uidNext, exists, highestModseq } = box ?? {};
      if (uidValidity === undefined) throw new OperationalError("provider.unavailable", "imap EXAMINE: no UIDVALIDITY");
      const messagesCount = exists ?? 0;
      return {
        uidValidity,
        // A server may leave UIDNEXT out (RFC 9051 §7.1 asks for it since rev2 only).
        uidNext: uidNext ?? (messagesCount === 0 ? 1 : ((await listUids(1, options)).at(-1) ?? 0) + 1),
        highestModseq: highestModseq ?? null,
        messagesCount,
      };
    },
    listUids,
    describe,
    fetch,
    async download(message, options) {
      return downloadChunks(session, message.uid, limits.chunkBytes, options);
    },
    watch,
    async close() {
      await watch?.closing();
      if (client.usable) await session.run("LOGOUT", lastWords(limits), () => client.logout()).catch(() => {});
      session.end();
    },
  };

  async function listUids(from: number, options: Options): Promise<readonly number[]> {
    // `n:*` in an empty folder is an error to some servers.
    if (client.mailbox !== false && client.mailbox.exists === 0) return [];
    const found = await session.run("SEARCH", options, () => client.search({ uid: `${from}:*` }, { uid: true }));
    if (!Array.isArray(found)) throw session.refusal("SEARCH");
    return found.filter((uid) => uid >= from);
  }

  async function describe(uids: readonly number[], options: Options): Promise<readonly ListedMessage[]> {
    const wanted = new Set(uids);
    const rows = new Map<number, Partial<FetchMessageObject>>();
    const query = { uid: true, size: true, internalDate: true, threadId: true };
    const pick = (row: FetchMessageObject) => (wanted.has(row.uid) ? row : undefined);
    for await (const row of readRows(session, { uids: ascending(uids), query, pick }, options)) {
      rows.set(row.uid, { ...rows.get(row.uid), ...row });
    }
    return ascending(rows.keys()).flatMap((uid) => {
      const row = rows.get(uid);
      if (row?.size === undefined) return [];
      // A date nobody can read must not make a message look old: such are passed over after a reset.
      const internalDate = row.internalDate instanceof Date ? row.internalDate : now();
      const [id, threadId] = [tagged(row.emailId), tagged(row.threadId)];
      return [{ uid, sizeBytes: row.size, internalDate, providerId: id, providerThreadId: threadId }];
    });
  }

  function fetch(messages: readonly ListedMessage[], options: Options): AsyncGenerator<FetchedMessage> {
    const wanted = new Map(messages.map((message) => [message.uid, message]));
    const pick = ({ uid, source }: FetchMessageObject) => {
      const message = wanted.get(uid);
      // Not asked for, or a flag that changed meanwhile, or `BODY[] NIL`, which imapflow hands over as `false`.
      if (message === undefined || !Buffer.isBuffer(source)) return undefined;
      wanted.delete(uid);
      return { ...message, raw: source };
    };
    return readRows(session, { uids: ascending(wanted.keys()), query: { uid: true, source: true }, pick }, options);
  }

  /** Tagged by kind, so that ids of two kinds never meet. imapflow asks for EMAILID before X-GM-MSGID. */
  function tagged(id: string | undefined): string | null {
    if (id === undefined || id === "") return null;
    return client.capabilities.has("OBJECTID") ? `em:${id}` : `gm:${id}`;
  }
}

function ascending(uids: Iterable<number>): number[] {
  return [...uids].sort((a, b) => a - b);
}

function lastWords(limits: ImapLimits) {
  return { signal: new AbortController().signal, budgetMs: limits.logoutMs };
}

import { OperationalError, type FetchedMessage, type ListedMessage, type MailConnection } from "@mailfleet/domain";
import type { FetchMessageObject, FetchQueryObject } from "imapflow";
import type { Session } from "./create-session.ts";
import { downloadChunks } from "./download-chunks.ts";
import type { ImapLimits } from "./limits.ts";
import { isRefusal } from "./to-operational-error.ts";
import { uidSets } from "./uid-set.ts";

type Options = { signal: AbortSignal };

/**
 * The port's promises on one imapflow session.
 *
 * Leaving the loop over `fetch` early is allowed: the server still sends the rest of that command, which is thrown
 * away as it comes, and the next command waits for it within its own deadline.
 */
export function createImapConnection(session: Session, limits: ImapLimits, now: () => Date): MailConnection {
  const { client } = session;

  return {
    async examine(folder, options) {
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
    async close() {
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
    const query = { uid: true, size: true, internalDate: true };
    for await (const row of readRows(ascending(uids), query, options, (row) => (wanted.has(row.uid) ? row : undefined))) {
      rows.set(row.uid, { ...rows.get(row.uid), ...row });
    }
    return ascending(rows.keys()).flatMap((uid) => {
      const row = rows.get(uid);
      if (row?.size === undefined) return [];
      // A date nobody can read must not make a message look old: such are passed over after a reset.
      const internalDate = row.internalDate instanceof Date ? row.internalDate : now();
      return [{ uid, sizeBytes: row.size, internalDate, providerId: providerId(row.emailId) }];
    });
  }

  function fetch(messages: readonly ListedMessage[], options: Options): AsyncGenerator<FetchedMessage> {
    const wanted = new Map(messages.map((message) => [message.uid, message]));
    return readRows(ascending(wanted.keys()), { uid: true, source: true }, options, ({ uid, source }) => {
      const message = wanted.get(uid);
      if (message === undefined || source === undefined) return undefined; // a flag that changed meanwhile, or `BODY[] NIL`
      wanted.delete(uid);
      const { sizeBytes, internalDate, providerId } = message;
      return { uid, sizeBytes, internalDate, providerId, raw: source };
    });
  }

  /**
   * Picks from the rows as they come, of the messages the server is willing to show. A command refused because of one message is
   * repeated in halves until that message stands alone; it is then absent. Where every message of several is refused,
   * the refusal is about something else, and is thrown.
   */
  async function* readRows<Row>(
    uids: readonly number[],
    query: FetchQueryObject,
    options: Options,
    pick: (row: FetchMessageObject) => Row | undefined,
  ): AsyncGenerator<Row> {
    const parts = uidSets(uids).toReversed();
    let delivered = false;
    let refusal: unknown;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const clock = session.begin("FETCH", options);
      const missing = new Set(part.uids);
      try {
        clock.start();
        for await (const row of client.fetch(part.set, query, { uid: true })) {
          const picked = pick(row);
          if (picked === undefined) continue;
          missing.delete(row.uid);
          delivered = true;
          clock.pause();
          yield picked;
          clock.start();
        }
      } catch (error) {
        refusal = clock.explain(error);
        if (!isRefusal(error)) throw refusal;
        if (part.uids.length > 1) parts.push(...halves([...missing]).flatMap(uidSets));
      } finally {
        clock.finish();
      }
    }
    if (refusal !== undefined && !delivered && uids.length > 1) throw refusal;
  }

  /** Tagged by kind, so that ids of two kinds never meet. imapflow asks for EMAILID before X-GM-MSGID. */
  function providerId(emailId: string | undefined): string | null {
    if (emailId === undefined || emailId === "") return null;
    return client.capabilities.has("OBJECTID") ? `em:${emailId}` : `gm:${emailId}`;
  }
}

/** The second half first: the caller takes them from the end. */
function halves(uids: readonly number[]): (readonly number[])[] {
  const middle = Math.ceil(uids.length / 2);
  return [uids.slice(middle), uids.slice(0, middle)].filter((half) => half.length > 0);
}

function ascending(uids: Iterable<number>): number[] {
  return [...uids].sort((a, b) => a - b);
}

function lastWords(limits: ImapLimits) {
  return { signal: new AbortController().signal, budgetMs: limits.logoutMs };
}

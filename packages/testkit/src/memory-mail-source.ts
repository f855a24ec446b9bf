import {
  type FetchedMessage,
  type FolderState,
  type FolderWatch,
  type ListedMessage,
  type Login,
  type MailConnection,
  type MailServer,
  type MailSource,
  OperationalError,
} from "@mailfleet/domain";
import { type MemoryFolder, memoryFolder } from "./memory-folder.ts";

export type MemoryMailSource = {
  readonly source: MailSource;
  /** What `connect` takes to open this user's mailbox. */
  mailbox(user: string): { server: MailServer; login: Login };
  /** A user's folder, made at its first mention; INBOX always exists. */
  folder(user: string, name?: string): MemoryFolder;
};

type Options = { signal: AbortSignal };

/** A MailSource that keeps its mail in memory and fails where it is told to. One password opens every mailbox. */
export function memoryMailSource(options: { login: (user: string) => Login }): MemoryMailSource {
  const folders = new Map<string, MemoryFolder>();
  const key = (user: string, name: string) => `${user}\n${name}`;
  const folder = (user: string, name = "INBOX") => {
    const found = folders.get(key(user, name)) ?? memoryFolder();
    folders.set(key(user, name), found);
    return found;
  };
  return {
    folder,
    mailbox: (user) => ({ server: { host: "mail.test", port: 993, security: "tls" }, login: options.login(user) }),
    source: {
      async connect({ login }, { signal }) {
        signal.throwIfAborted();
        if (!sameLogin(login, options.login(login.user)))
          throw new OperationalError("login.refused", "memory: login refused");
        return memoryConnection((name) => (name === "INBOX" ? folder(login.user) : folders.get(key(login.user, name))));
      },
    },
  };
}

function memoryConnection(find: (name: string) => MemoryFolder | undefined): MailConnection {
  let selected: MemoryFolder | undefined;
  let closed = false;
  let hasNews = false;
  let examined: FolderState | undefined;
  let listener: Parameters<FolderWatch["begin"]>[0] | undefined;
  let stopListening = () => {};
  /** Every command waits a turn, as on a wire: nothing a test does in between may be assumed away. */
  const turn = async ({ signal }: Options): Promise<MemoryFolder> => {
    signal.throwIfAborted();
    listener = undefined;
    await Promise.resolve();
    if (closed) throw new OperationalError("provider.unavailable", "memory: the connection is closed");
    if (selected === undefined) throw new Error("memory: no folder is selected");
    return selected;
  };

  return {
    async examine(name, { signal }) {
      signal.throwIfAborted();
      if (closed) throw new OperationalError("provider.unavailable", "memory: the connection is closed");
      listener = undefined;
      stopListening();
      selected = find(name);
      if (selected === undefined) throw new OperationalError("folder.missing", "memory: no such folder");
      hasNews = false;
      stopListening = selected.listen(() => {
        if (hasNews) return;
        hasNews = true;
        listener?.onNews();
      });
      examined = selected.state();
      return examined;
    },
    async listUids(from, options) {
      return (await turn(options)).uids().filter((uid) => uid >= from);
    },
    async describe(uids, options) {
      const folder = await turn(options);
      return [...new Set(uids)].sort((a, b) => a - b).flatMap((uid) => folder.describe(uid) ?? []);
    },
    async *fetch(messages: readonly ListedMessage[], options: Options): AsyncGenerator<FetchedMessage> {
      for (const message of [...messages].sort((a, b) => a.uid - b.uid)) {
        const raw = (await turn(options)).read(message.uid);
        if (raw !== null) yield { ...message, raw };
      }
    },
    async download(message, options) {
      const raw = (await turn(options)).read(message.uid);
      return raw === null ? null : chunks(raw);
    },
    watch: {
      begin(on) {
        listener = on;
        if (closed) queueMicrotask(() => on.onEnd());
        else if (hasNews) queueMicrotask(() => listener === on && on.onNews());
      },
      async hasChanged(options) {
        const { uidNext, messagesCount } = (await turn(options)).state();
        return uidNext !== examined?.uidNext || messagesCount !== examined.messagesCount;
      },
    },
    async close() {
      closed = true;
      listener = undefined;
      stopListening();
    },
  };

  async function* chunks(raw: Uint8Array): AsyncGenerator<Uint8Array> {
    const chunkBytes = 65_536;
    for (let start = 0; start < raw.length; start += chunkBytes) yield raw.slice(start, start + chunkBytes);
  }
}

function sameLogin(a: Login, b: Login): boolean {
  const secret = (login: Login) => (login.kind === "password" ? login.password : login.token).reveal();
  return a.kind === b.kind && a.user === b.user && secret(a) === secret(b);
}

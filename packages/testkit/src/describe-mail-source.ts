import type {
  FetchedMessage,
  FolderWatch,
  ListedMessage,
  Login,
  MailConnection,
  MailServer,
  MailSource,
} from "@mailfleet/domain";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sampleMail, sampleMailKinds } from "./sample-mail.ts";

/** One empty mailbox that no other test knows, and hands on the server's side of it. */
export type MailSourceStage = {
  readonly source: MailSource;
  readonly mailbox: { server: MailServer; login: Login };
  readonly wrongLogin: Login;
  /** The server tells by itself what happens in a folder. */
  readonly tells: boolean;
  deliver(raw: Uint8Array): Promise<void>;
  expunge(uid: number): Promise<void>;
  resetUidValidity(): Promise<void>;
};

export type MailSourceFixture = { open(): Promise<MailSourceStage>; close?(): Promise<void> };

const options = { signal: new AbortController().signal };

/** What every MailSource promises. An adapter's test file is one call to this. */
export function describeMailSource(name: string, start: () => Promise<MailSourceFixture>): void {
  describe(`${name} is a MailSource`, () => {
    let fixture: MailSourceFixture;
    let stage: MailSourceStage;
    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(async () => fixture.close?.());
    beforeEach(async () => {
      stage = await fixture.open();
    });

    it("tells the state of an empty folder", async () => {
      await connected(stage, async (connection) => {
        const state = await connection.examine("INBOX", options);
        expect(state).toMatchObject({ messagesCount: 0 });
        expect(state.uidValidity).toBeGreaterThan(0n);
        expect(await connection.listUids(1, options)).toEqual([]);
        expect(await connection.describe([1, 2], options)).toEqual([]);
      });
    });

    it("lists UIDs ascending and predicts the next", async () => {
      await deliverMany(stage, 12);
      await connected(stage, async (connection) => {
        const state = await connection.examine("INBOX", options);
        const uids = await connection.listUids(1, options);
        expect(uids).toHaveLength(12);
        expect(uids).toEqual(uids.toSorted((a, b) => a - b));
        expect(state.messagesCount).toBe(12);
        expect(state.uidNext).toBeGreaterThan(uids.at(-1) ?? 0);
      });
    });

    it("never lists the last message for a range that begins above it", async () => {
      await deliverMany(stage, 3);
      await connected(stage, async (connection) => {
        await connection.examine("INBOX", options);
        const last = (await connection.listUids(1, options)).at(-1) ?? 0;
        expect(await connection.listUids(last, options)).toEqual([last]);
        expect(await connection.listUids(last + 1, options)).toEqual([]);
        expect(await connection.listUids(last + 1_000, options)).toEqual([]);
      });
    });

    it("finds what arrived since, at the next examine", async () => {
      await deliverMany(stage, 2);
      await connected(stage, async (connection) => {
        await connection.examine("INBOX", options);
        const before = await connection.listUids(1, options);
        await deliverMany(stage, 1);
        await connection.examine("INBOX", options);
        expect(await connection.listUids((before.at(-1) ?? 0) + 1, options)).toHaveLength(1);
      });
    });

    it("says the size before it sends the body, and sends exactly that", async () => {
      await deliverMany(stage, 5);
      await connected(stage, async (connection) => {
        const listed = await listAll(connection);
        for (const { sizeBytes, internalDate } of listed) {
          expect(sizeBytes).toBeGreaterThan(0);
          expect(Math.abs(Date.now() - internalDate.getTime())).toBeLessThan(10 * 60_000);
        }
        for (const { sizeBytes, raw } of await read(connection, listed)) expect(raw.length).toBe(sizeBytes);
      });
    });

    it.each(sampleMailKinds)("returns a %s message byte for byte", async (kind) => {
      const { raw } = sampleMail(kind, { seed: 7, sizeBytes: 20_000 });
      expect(await roundTrip(stage, raw)).toEqual(hex(raw));
    });

    it("returns raw 8-bit bytes and odd lines as they are", async () => {
      const bytes = Array.from({ length: 254 }, (_, index) => index + 1).filter((byte) => byte !== 10 && byte !== 13);
      const head = "Subject: =?utf-8?q?=C3=BC?=\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
      const raw = Buffer.concat([
        Buffer.from(head),
        Buffer.from(bytes),
        Buffer.from("\r\n\r\n.\r\n..dots\r\n)\r\n{3}\r\n"),
      ]);
      expect(await roundTrip(stage, raw)).toEqual(hex(raw));
    });

    it("leaves out a message that went away between listing and reading", async () => {
      await deliverMany(stage, 3);
      await connected(stage, async (connection) => {
        const listed = await listAll(connection);
        const [first, gone, last] = listed;
        await stage.expunge(gone?.uid ?? 0);
        const seen = await read(connection, listed);
        // A server may still show what its session began with; what it does not show is absent, and no error.
        expect(seen.map(({ uid }) => uid)).toEqual(expect.arrayContaining([first?.uid, last?.uid]));
        await connection.examine("INBOX", options);
        expect(await connection.listUids(1, options)).toEqual([first?.uid, last?.uid]);
        expect(
          await connection.describe(
            listed.map(({ uid }) => uid),
            options,
          ),
        ).toHaveLength(2);
        expect(await read(connection, listed)).toHaveLength(2);
        expect(await connection.download(required(gone), options)).toBeNull();
      });
    });

    it("can be left in the middle of a fetch, and goes on with the next command", async () => {
      await deliverMany(stage, 8);
      await connected(stage, async (connection) => {
        const listed = await listAll(connection);
        for await (const message of connection.fetch(listed, options)) {
          expect(message.uid).toBe(listed[0]?.uid);
          break;
        }
        expect(await connection.listUids(1, options)).toHaveLength(8);
        expect(await read(connection, listed)).toHaveLength(8);
      });
    });

    it("downloads a large message in chunks that add up to it", async () => {
      const { raw } = sampleMail("attachment", { seed: 3, sizeBytes: 1_500_000 });
      await stage.deliver(raw);
      await connected(stage, async (connection) => {
        const [message] = await listAll(connection);
        const parts: Uint8Array[] = [];
        for await (const chunk of required(await connection.download(required(message), options))) parts.push(chunk);
        expect(parts.length).toBeGreaterThan(1);
        expect(hex(Buffer.concat(parts)) === hex(raw)).toBe(true);
      });
    });

    it("shows a new UIDVALIDITY, and the messages under it", async () => {
      await deliverMany(stage, 3);
      const before = await connected(stage, (connection) => connection.examine("INBOX", options));
      await stage.resetUidValidity();
      await connected(stage, async (connection) => {
        const after = await connection.examine("INBOX", options);
        expect(after.uidValidity).not.toBe(before.uidValidity);
        expect(await read(connection, await listAll(connection))).toHaveLength(3);
      });
    });

    it("says folder.missing for a folder that is not there, and stays usable", async () => {
      await connected(stage, async (connection) => {
        await expect(connection.examine("No such folder", options)).rejects.toMatchObject({ code: "folder.missing" });
        expect((await connection.examine("INBOX", options)).messagesCount).toBe(0);
      });
    });

    it("says login.refused for a wrong secret, and nothing of the secret", async () => {
      const attempt = stage.source.connect({ ...stage.mailbox, login: stage.wrongLogin }, options);
      const error: unknown = await attempt.catch((failure: unknown) => failure);
      expect(error).toMatchObject({ name: "OperationalError", code: "login.refused" });
      const secret = stage.wrongLogin.kind === "password" ? stage.wrongLogin.password : stage.wrongLogin.token;
      expect(String(error)).not.toContain(secret.reveal());
      expect(String(error)).not.toContain(stage.wrongLogin.user);
    });

    it("serves several connections to one mailbox at the same time", async () => {
      await deliverMany(stage, 6);
      const readers = Array.from({ length: 4 }, () =>
        connected(stage, async (each) => read(each, await listAll(each))),
      );
      for (const messages of await Promise.all(readers)) expect(messages).toHaveLength(6);
    });

    it("does nothing for a caller who has already left", async () => {
      const reason = new Error("the caller left");
      const left = { signal: AbortSignal.abort(reason) };
      await expect(stage.source.connect(stage.mailbox, left)).rejects.toBe(reason);
      await connected(stage, async (connection) => {
        await expect(connection.examine("INBOX", left)).rejects.toBe(reason);
      });
    });

    it("stays in the folder it examined, and is told of news once, as often as it waits again", async () => {
      await connected(stage, async (connection) => {
        await connection.examine("INBOX", options);
        expect(connection.watch !== null).toBe(stage.tells);
        if (connection.watch === null) return;
        for (let round = 1; round <= 3; round++) {
          const heard = listen(connection.watch);
          await deliverMany(stage, 3);
          await heard.news;
          expect((await connection.examine("INBOX", options)).messagesCount).toBeGreaterThan(3 * (round - 1));
          expect(await connection.listUids(1, options)).toHaveLength(3 * round);
          expect(heard.counts).toEqual({ news: 1, end: 0 });
        }
      });
    });

    it("is told of what came after it last examined and before it waits", async () => {
      await connected(stage, async (connection) => {
        await connection.examine("INBOX", options);
        await deliverMany(stage, 1);
        if (connection.watch === null) return expect(stage.tells).toBe(false);
        await listen(connection.watch).news;
        expect(await connection.listUids(1, options)).toHaveLength(1);
      });
    });

    it("waits no longer once it does something else, and hears of no end it made itself", async () => {
      await connected(stage, async (connection) => {
        await connection.examine("INBOX", options);
        if (connection.watch === null) return expect(stage.tells).toBe(false);
        const first = listen(connection.watch);
        expect((await connection.examine("INBOX", options)).messagesCount).toBe(0);
        const second = listen(connection.watch);
        await deliverMany(stage, 1);
        await second.news;
        await connection.close();
        expect(first.counts).toEqual({ news: 0, end: 0 });
        expect(second.counts).toEqual({ news: 1, end: 0 });
      });
    });

    it("knows, when asked, whether messages have come or gone since it examined, waiting or not", async () => {
      await deliverMany(stage, 2);
      await connected(stage, async (connection) => {
        const { watch } = connection;
        if (watch === null) return expect(stage.tells).toBe(false);
        const uids = (await listAll(connection)).map(({ uid }) => uid);
        expect(await watch.hasChanged(options)).toBe(false);
        listen(watch);
        expect(await watch.hasChanged(options)).toBe(false);
        await deliverMany(stage, 1);
        expect(await watch.hasChanged(options)).toBe(true);
        expect(await watch.hasChanged(options)).toBe(true);
        await connection.examine("INBOX", options);
        expect(await watch.hasChanged(options)).toBe(false);
        await stage.expunge(uids[0] ?? 0);
        expect(await watch.hasChanged(options)).toBe(true);
      });
    });

    it("closes twice without complaint, and says provider.unavailable afterwards", async () => {
      const connection = await stage.source.connect(stage.mailbox, options);
      await connection.close();
      await connection.close();
      await expect(connection.examine("INBOX", options)).rejects.toMatchObject({ code: "provider.unavailable" });
    });
  });
}

async function connected<T>(stage: MailSourceStage, work: (connection: MailConnection) => Promise<T>): Promise<T> {
  const connection = await stage.source.connect(stage.mailbox, options);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Waits in the folder and counts what it is told. */
function listen(watch: FolderWatch) {
  const { promise: news, resolve } = Promise.withResolvers<void>();
  const counts = { news: 0, end: 0 };
  watch.begin({
    onNews() {
      counts.news += 1;
      resolve();
    },
    onEnd() {
      counts.end += 1;
    },
  });
  return { news, counts };
}

async function deliverMany(stage: MailSourceStage, count: number): Promise<void> {
  for (let seed = 1; seed <= count; seed++) await stage.deliver(sampleMail("plain", { seed, sizeBytes: 3_000 }).raw);
}

async function listAll(connection: MailConnection): Promise<readonly ListedMessage[]> {
  await connection.examine("INBOX", options);
  return connection.describe(await connection.listUids(1, options), options);
}

async function read(connection: MailConnection, listed: readonly ListedMessage[]): Promise<FetchedMessage[]> {
  const messages: FetchedMessage[] = [];
  for await (const message of connection.fetch(listed, options)) messages.push(message);
  return messages;
}

async function roundTrip(stage: MailSourceStage, raw: Uint8Array): Promise<string> {
  await stage.deliver(raw);
  return connected(stage, async (connection) => {
    const [message] = await read(connection, await listAll(connection));
    return hex(required(message).raw);
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function required<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("expected a value");
  return value;
}

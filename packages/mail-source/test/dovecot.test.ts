import { randomUUID } from "node:crypto";
import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type MailConnection, type NetworkGuard, OperationalError, Secret } from "@mailfleet/domain";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createImapMailSource,
  type FolderCursor,
  type MailPage,
  type ReadPagesRequest,
  readPages,
} from "../src/index.ts";
import { loopbackGuard } from "./loopback-guard.ts";

const options = { signal: new AbortController().signal };
const noneKnown: ReadPagesRequest["knownUids"] = async () => new Set();

describe.skipIf(!hasServer("dovecot"))("createImapMailSource, against Dovecot,", () => {
  let dovecot: DovecotServer;
  let user: string;
  const open: MailConnection[] = [];

  beforeAll(async () => {
    dovecot = await startDovecot({ connectionsPerUserMax: 3 });
  });
  afterAll(() => dovecot.close());
  beforeEach(() => {
    user = `${randomUUID()}@dovecot.test`;
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
  });

  const mailbox = (host = "localhost", server = dovecot) => ({
    server: { host, port: server.imapsPort, security: "tls" } as const,
    login: { kind: "password", user, password: Secret.of(server.password) } as const,
  });
  async function connect(): Promise<MailConnection> {
    const source = createImapMailSource({ guard: loopbackGuard, tls: { caPem: dovecot.caPem }, now: () => new Date() });
    const connection = await source.connect(mailbox(), options);
    open.push(connection);
    return connection;
  }
  async function deliver(count: number): Promise<Uint8Array[]> {
    const mails = sampleMails({ count, sizeBytes: 4_000 });
    for (const { raw } of mails) await dovecot.deliver(user, raw);
    return mails.map(({ raw }) => raw);
  }
  async function read(cursor: FolderCursor | null, part: Partial<ReadPagesRequest> = {}): Promise<MailPage[]> {
    const request = { folder: "INBOX", cursor, startFrom: "beginning", knownUids: noneKnown, ...part } as const;
    return Array.fromAsync(readPages(await connect(), request, options));
  }
  const uids = (pages: readonly MailPage[]) => pages.flatMap((page) => page.messages.map(({ uid }) => uid));

  it("reads a mailbox page by page, each message byte for byte", async () => {
    const raws = await deliver(60);
    const pages = await read(null, { limits: { pageMessagesMax: 25 } });
    expect(pages.map((page) => page.messages.length)).toEqual([25, 25, 10]);
    const bodies = pages.flatMap((page) => page.messages.map(({ body }) => (body.kind === "bytes" ? body.raw : null)));
    expect(
      bodies.every((body, index) => Buffer.compare(body ?? new Uint8Array(), raws[index] ?? new Uint8Array()) === 0),
    ).toBe(true);
  });

  it("leaves every flag and every file as it was: nothing becomes seen, or even old", async () => {
    await deliver(3);
    await read(null);
    expect(await readdir(join(dovecot.folderPath(user), "new"))).toHaveLength(3);
    expect(await readdir(join(dovecot.folderPath(user), "cur"))).toHaveLength(0);
  });

  it("goes on where it stopped, and reads nothing twice", async () => {
    await deliver(4);
    const [first] = await read(null);
    const known = new Set(uids(first === undefined ? [] : [first]));
    await deliver(2);
    expect(uids(await read(first?.cursorAfter ?? null, { knownUids: async () => known }))).toEqual([5, 6]);
  });

  it("passes a message that another session expunged between listing and reading", async () => {
    await deliver(5);
    const connection = await connect();
    const expunging: MailConnection = {
      ...connection,
      async describe(wanted, settings) {
        const described = await connection.describe(wanted, settings);
        await dovecot.expunge(user, 3);
        return described;
      },
    };
    const request = { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: noneKnown } as const;
    const pages = await Array.fromAsync(readPages(expunging, request, options));
    expect(pages.at(-1)).toMatchObject({ last: true, unreadable: [], cursorAfter: { lastUid: 5 } });
    expect(uids(pages)).toEqual(expect.arrayContaining([1, 2, 4, 5]));
    expect(uids(await read(null))).toEqual([1, 2, 4, 5]);
  });

  it("delivers the rest when one file cannot be read, and names that one", async () => {
    await deliver(4);
    await read(null);
    const folder = join(dovecot.folderPath(user), "new");
    const [, second = ""] = (await readdir(folder)).toSorted();
    await chmod(join(folder, second), 0);
    const seen: number[] = [];
    const unreadable: number[] = [];
    let cursor: FolderCursor | null = null;
    for (let pass = 0; pass < 3; pass++) {
      const request = {
        folder: "INBOX",
        cursor,
        startFrom: "beginning",
        knownUids: async () => new Set(seen),
      } as const;
      const pages = readPages(await connect(), request, options);
      try {
        for await (const page of pages) {
          seen.push(...uids([page]));
          unreadable.push(...page.unreadable);
          cursor = page.cursorAfter;
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "provider.unavailable" });
      }
    }
    expect(unreadable).toContain(2);
    expect(cursor).toMatchObject({ lastUid: 1 });
    const rest = await read(cursor, { knownUids: async () => new Set([...seen, 2]) });
    expect([...seen, ...uids(rest)].toSorted()).toEqual([1, 3, 4]);
    expect(rest.at(-1)).toMatchObject({ last: true, unreadable: [], cursorAfter: { lastUid: 4 } });
  });

  it("reconciles a folder with a new UIDVALIDITY from UID 1", async () => {
    await deliver(3);
    const [first] = await read(null);
    await dovecot.expunge(user, 1);
    await dovecot.bumpUidValidity(user);
    await deliver(1);
    const pages = await read(first?.cursorAfter ?? null);
    expect(pages[0]?.uidValidity).not.toBe(first?.uidValidity);
    expect(pages.every(({ reconciling }) => reconciling)).toBe(true);
    expect(uids(pages)).toEqual([1, 2, 3]);
    expect(pages.at(-1)?.cursorAfter).toMatchObject({ uidValidity: pages[0]?.uidValidity, lastUid: 3 });
  });

  it("reads a folder whose name needs encoding", async () => {
    await dovecot.deliver(user, Buffer.from("Subject: x\r\n\r\nx\r\n"), "Entw&APw-rfe");
    expect(uids(await read(null, { folder: "Entwürfe" }))).toEqual([1]);
  });

  it("streams a message larger than it would hold", async () => {
    const [raw = new Uint8Array()] = sampleMails({ count: 1, sizeBytes: 3_000_000 }).map((mail) => mail.raw);
    await dovecot.deliver(user, raw);
    const pages = readPages(
      await connect(),
      {
        folder: "INBOX",
        cursor: null,
        startFrom: "beginning",
        knownUids: noneKnown,
        limits: { messageBytesMax: 100_000 },
      },
      options,
    );
    for await (const { messages } of pages) {
      const body = messages[0]?.body;
      if (body?.kind !== "stream") throw new Error("expected a stream");
      const chunks = await Array.fromAsync((await body.open()) ?? []);
      expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(262_144);
      expect(Buffer.compare(Buffer.concat(chunks), raw)).toBe(0);
    }
  });

  it("calls a connection too many throttled, and not a wrong password", async () => {
    await Promise.all([connect(), connect(), connect()]);
    await expect(connect()).rejects.toMatchObject({ code: "provider.throttled", retryAt: expect.any(Date) });
  });

  it("refuses a certificate of another name", async () => {
    const elsewhere = await startDovecot({ certificateNames: ["imap.elsewhere.test"] });
    try {
      const source = createImapMailSource({
        guard: loopbackGuard,
        tls: { caPem: elsewhere.caPem },
        now: () => new Date(),
      });
      await expect(source.connect(mailbox("imap.customer.test", elsewhere), options)).rejects.toMatchObject({
        code: "connection.insecure",
      });
      const connection = await source.connect(mailbox("imap.elsewhere.test", elsewhere), options);
      await connection.close();
    } finally {
      await elsewhere.close();
    }
  });

  it.each(["tls", "starttls"] as const)("refuses a certificate of an unknown authority, %s", async (security) => {
    const source = createImapMailSource({ guard: loopbackGuard, now: () => new Date() });
    const port = security === "tls" ? dovecot.imapsPort : dovecot.imapPort;
    const server = { host: "localhost", port, security };
    await expect(source.connect({ ...mailbox(), server }, options)).rejects.toMatchObject({
      code: "connection.insecure",
    });
  });

  it("dials nothing when the guard refuses the host", async () => {
    const guard: NetworkGuard = {
      vet: async () => {
        throw new OperationalError("host.refused", "a private address");
      },
    };
    const source = createImapMailSource({ guard, tls: { caPem: dovecot.caPem }, now: () => new Date() });
    const before = dovecot.output();
    await expect(source.connect(mailbox("127.0.0.1"), options)).rejects.toMatchObject({ code: "host.refused" });
    expect(dovecot.output()).toBe(before);
  });
});

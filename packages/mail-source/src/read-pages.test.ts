import { type MailConnection, Secret } from "@mailfleet/domain";
import { type MemoryFolder, memoryMailSource } from "@mailfleet/testkit";
import { describe, expect, it } from "vitest";
import { type FolderCursor, type MailPage, type ReadPagesRequest, readPages } from "./index.ts";

const options = { signal: new AbortController().signal };
const user = "reader@memory.test";
const noneKnown: ReadPagesRequest["knownUids"] = async () => new Set();
const start = new Date("2026-03-01T12:00:00Z");
const after = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const body = (text: string) => Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`);

type Stage = {
  folder: MemoryFolder;
  connect(): Promise<MailConnection>;
  read(part?: Partial<ReadPagesRequest>): Promise<MailPage[]>;
};

function stage(): Stage {
  const mail = memoryMailSource({ login: (name) => ({ kind: "password", user: name, password: Secret.of("pw") }) });
  const connect = () => mail.source.connect(mail.mailbox(user), options);
  return {
    folder: mail.folder(user),
    connect,
    async read(part = {}) {
      const request = { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: noneKnown, ...part } as const;
      return Array.fromAsync(readPages(await connect(), request, { ...options, now: () => start }));
    },
  };
}

const cursorAt = (lastUid: number, part: Partial<FolderCursor> = {}): FolderCursor => ({
  uidValidity: 1n,
  lastUid,
  highestModseq: null,
  startedAt: new Date(0),
  ...part,
});
const uids = (pages: readonly MailPage[]) => pages.map((page) => page.messages.map(({ uid }) => uid));

describe("readPages, of a folder that tells its modification sequence,", () => {
  async function listedCount(settled: FolderCursor, { folder, connect }: Stage) {
    const connection = await connect();
    let listed = 0;
    const counting: MailConnection = {
      ...connection,
      listUids: (from, asked) => {
        listed += 1;
        return connection.listUids(from, asked);
      },
    };
    const request = { folder: "INBOX", cursor: settled, startFrom: "beginning", knownUids: noneKnown } as const;
    const pages = await Array.fromAsync(readPages(counting, request, options));
    return { listed, pages, folder };
  }

  it("asks for no UIDs while it stands still, and says that the pass is complete", async () => {
    const opened = stage();
    opened.folder.deliver(body("a"));
    const settled = (await opened.read()).at(-1)?.cursorAfter ?? cursorAt(0);
    const { listed, pages } = await listedCount(settled, opened);
    expect(listed).toBe(0);
    expect(pages).toMatchObject([{ messages: [], unreadable: [], last: true, cursorAfter: settled }]);
  });

  it("looks again when anything has happened, was never settled, or is new by its UID all the same", async () => {
    const opened = stage();
    opened.folder.deliver(body("a"));
    const settled = (await opened.read()).at(-1)?.cursorAfter ?? cursorAt(0);
    expect(await listedCount({ ...settled, highestModseq: null }, opened)).toMatchObject({ listed: 1 });
    expect(await listedCount({ ...settled, lastUid: settled.lastUid - 1 }, opened)).toMatchObject({ listed: 1 });
    expect(await listedCount({ ...settled, uidValidity: 9n }, opened)).toMatchObject({ listed: 1 });
    opened.folder.deliver(body("b"));
    const { listed, pages } = await listedCount(settled, opened);
    expect([listed, uids(pages)]).toEqual([1, [[1, 2]]]); // the look-back again, which the store knows
  });
});

describe("readPages, from a null cursor", () => {
  it("starts now with one empty page, and the cursor at the end", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "b", "c"]) folder.deliver(body(text));
    const [page, ...more] = await read({ startFrom: "now" });
    expect(more).toEqual([]);
    expect(page).toMatchObject({ messages: [], unreadable: [], reconciling: false, last: true });
    expect(page?.cursorAfter).toEqual({ uidValidity: 1n, lastUid: 3, highestModseq: 4n, startedAt: start });
  });

  it("starts from the beginning with UID 1, and says that no mail is too old", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "b"]) folder.deliver(body(text), { internalDate: new Date("1999-01-01") });
    const [page] = await read();
    expect(page?.messages.map(({ uid }) => uid)).toEqual([1, 2]);
    expect(page?.cursorAfter).toMatchObject({ lastUid: 2, startedAt: new Date(0) });
  });

  it("never reads what was there before it started now, though the look-back passes over it", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "b"]) folder.deliver(body(text), { internalDate: start });
    const [first] = await read({ startFrom: "now" });
    folder.deliver(body("c"), { internalDate: after(5) });
    expect(uids(await read({ cursor: first?.cursorAfter ?? null }))).toEqual([[3]]);
  });
});

describe("readPages, from a cursor", () => {
  it("always ends with a last page, even when nothing is new", async () => {
    const { folder, read } = stage();
    folder.deliver(body("a"));
    const pages = await read({ cursor: cursorAt(1), knownUids: async () => new Set([1]) });
    expect(pages).toHaveLength(1);
    expect(pages[0]).toMatchObject({ messages: [], last: true, cursorAfter: { lastUid: 1 } });
  });

  it("ends with a last page in an empty folder", async () => {
    expect(await stage().read({ cursor: cursorAt(9) })).toMatchObject([{ last: true, cursorAfter: { lastUid: 9 } }]);
  });

  it("bounds pages by messages and by bytes, and moves the cursor with each", async () => {
    const { folder, read } = stage();
    for (const size of [10, 10, 10, 900, 900, 10]) folder.deliver(Buffer.alloc(size, "x"));
    const pages = await read({ limits: { pageMessagesMax: 4, pageBytesMax: 1_000 } });
    expect(uids(pages)).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
    expect(pages.map(({ cursorAfter, last }) => [cursorAfter.lastUid, last])).toEqual([
      [4, false],
      [6, true],
    ]);
    const tighter = await read({ limits: { pageMessagesMax: 10, pageBytesMax: 1_000 } });
    expect(uids(tighter)).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  it("looks again below the cursor for a UID that became visible late, and at nothing known", async () => {
    const { folder, read } = stage();
    folder.deliver(body("a"));
    const late = folder.deliver(body("late"), { hidden: true });
    folder.deliver(body("c"));
    const [first] = await read();
    expect(first?.messages.map(({ uid }) => uid)).toEqual([1, 3]);
    folder.reveal(late);
    const pages = await read({ cursor: first?.cursorAfter ?? null, knownUids: async () => new Set([1, 3]) });
    expect(uids(pages)).toEqual([[late]]);
    expect(pages[0]?.cursorAfter.lastUid).toBe(3);
  });

  it("looks back as far as it is told and no further", async () => {
    const { folder, read } = stage();
    for (let count = 0; count < 10; count++) folder.deliver(body(`${count}`));
    expect(uids(await read({ cursor: cursorAt(8), limits: { lookBackUids: 3 } }))).toEqual([[6, 7, 8, 9, 10]]);
    expect(uids(await read({ cursor: cursorAt(8), limits: { lookBackUids: 0 } }))).toEqual([[9, 10]]);
  });

  it("reads an old message that was moved into the folder", async () => {
    const { folder, read } = stage();
    const [first] = await read({ startFrom: "now" });
    folder.deliver(body("from the archive"), { internalDate: new Date("2001-01-01") });
    expect(uids(await read({ cursor: first?.cursorAfter ?? null }))).toEqual([[1]]);
  });

  it("passes a UID that the server no longer lists", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "b", "c"]) folder.deliver(body(text));
    folder.expunge(2);
    expect(await read()).toMatchObject([{ unreadable: [], cursorAfter: { lastUid: 3 } }]);
  });

  it("passes a message that is expunged between listing and reading", async () => {
    const { folder, connect } = stage();
    for (const text of ["a", "b", "c"]) folder.deliver(body(text));
    const connection = await connect();
    const describeFirst: MailConnection = {
      ...connection,
      async describe(wanted, settings) {
        const described = await connection.describe(wanted, settings);
        folder.expunge(3);
        return described;
      },
    };
    const request = { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: noneKnown } as const;
    const pages = await Array.fromAsync(readPages(describeFirst, request, options));
    expect(pages).toMatchObject([
      { messages: [{ uid: 1 }, { uid: 2 }], unreadable: [], last: true, cursorAfter: { lastUid: 3 } },
    ]);
  });

  it("keeps the old HIGHESTMODSEQ until a pass is complete", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "b"]) folder.deliver(body(text));
    const pages = await read({ cursor: cursorAt(0, { highestModseq: 1n }), limits: { pageMessagesMax: 1 } });
    expect(pages.map(({ cursorAfter }) => cursorAfter.highestModseq)).toEqual([1n, 3n]);
  });
});

describe("readPages and messages that cannot be read", () => {
  it("delivers what lies above, and the cursor waits below", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "bad", "c", "d"]) folder.deliver(body(text));
    folder.makeUnreadable(2);
    const [page] = await read({ cursor: cursorAt(0, { highestModseq: 1n }) });
    expect(page?.messages.map(({ uid }) => uid)).toEqual([1, 3, 4]);
    expect(page).toMatchObject({ unreadable: [2], last: true, cursorAfter: { lastUid: 1, highestModseq: 1n } });

    const again = await read({ cursor: page?.cursorAfter ?? null, knownUids: async () => new Set([1, 3, 4]) });
    expect(again).toMatchObject([{ messages: [], unreadable: [2], cursorAfter: { lastUid: 1 } }]);
  });

  it("passes one that was given up", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "bad", "c"]) folder.deliver(body(text));
    folder.makeUnreadable(2);
    const pages = await read({ cursor: cursorAt(1), knownUids: async () => new Set([1, 2]) });
    expect(pages).toMatchObject([{ unreadable: [], cursorAfter: { lastUid: 3 } }]);
  });

  it("holds the cursor where it is for one that appears below it", async () => {
    const { folder, read } = stage();
    folder.deliver(body("a"));
    folder.deliver(body("bad"));
    folder.makeUnreadable(2);
    for (const text of ["c", "d"]) folder.deliver(body(text));
    const [page] = await read({ cursor: cursorAt(3), knownUids: async () => new Set([1, 3]) });
    expect(page?.messages.map(({ uid }) => uid)).toEqual([4]);
    expect(page).toMatchObject({ unreadable: [2], cursorAfter: { lastUid: 3 } });
  });

  it("reads a large message as a stream that can be opened again", async () => {
    const { folder, read } = stage();
    folder.deliver(body("small"));
    folder.deliver(Buffer.alloc(200_000, "y"));
    const pages = await read({ limits: { messageBytesMax: 1_000 } });
    expect(uids(pages)).toEqual([[1], [2]]);
    const large = pages[1]?.messages[0]?.body;
    if (large?.kind !== "stream") throw new Error("expected a stream");
    for (let count = 0; count < 3; count++) {
      const chunks = await Array.fromAsync((await large.open()) ?? []);
      expect(Buffer.concat(chunks)).toEqual(Buffer.alloc(200_000, "y"));
    }
    folder.expunge(2);
    expect(await large.open()).toBeNull();
  });

  it("reports a large message without a body as unreadable", async () => {
    const { folder, read } = stage();
    folder.deliver(Buffer.alloc(5_000, "y"));
    folder.makeUnreadable(1);
    const pages = await read({ limits: { messageBytesMax: 1_000 } });
    expect(pages).toMatchObject([{ messages: [], unreadable: [1], cursorAfter: { lastUid: 0 } }]);
  });

  it("keeps what came before the connection broke, then tells of it", async () => {
    const { folder, connect } = stage();
    for (const text of ["a", "b", "c", "d"]) folder.deliver(body(text));
    folder.failAfterReads(2);
    const request = { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: noneKnown } as const;
    const pages = readPages(await connect(), request, options);
    expect((await pages.next()).value).toMatchObject({
      messages: [{ uid: 1 }, { uid: 2 }],
      unreadable: [],
      last: false,
      cursorAfter: { lastUid: 2 },
    });
    await expect(pages.next()).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it("names the message on which a connection breaks at once", async () => {
    const { folder, connect } = stage();
    for (const text of ["poison", "b"]) folder.deliver(body(text));
    folder.failAfterReads(0);
    const request = { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: noneKnown } as const;
    const pages = readPages(await connect(), request, options);
    expect((await pages.next()).value).toMatchObject({
      messages: [],
      unreadable: [1],
      last: false,
      cursorAfter: { lastUid: 0 },
    });
    await expect(pages.next()).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it("stops at once when it is told to, and yields nothing more", async () => {
    const { folder, connect } = stage();
    for (const text of ["a", "b", "c"]) folder.deliver(body(text));
    const stop = new AbortController();
    const request = { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: noneKnown } as const;
    const pages = readPages(await connect(), { ...request, limits: { pageMessagesMax: 1 } }, { signal: stop.signal });
    await pages.next();
    const reason = new Error("the run is over");
    stop.abort(reason);
    await expect(pages.next()).rejects.toBe(reason);
  });
});

describe("readPages after a new UIDVALIDITY", () => {
  it("reads everything since the start again, nothing older, and moves the cursor at the end only", async () => {
    const { folder, read } = stage();
    folder.deliver(body("before"), { internalDate: after(-60) });
    const [first] = await read({ startFrom: "now" });
    const cursor = first?.cursorAfter ?? null;
    for (const text of ["a", "b", "c"]) folder.deliver(body(text), { internalDate: after(60) });
    folder.resetUidValidity();
    const pages = await read({ cursor, limits: { pageMessagesMax: 2 } });
    expect(uids(pages)).toEqual([[2, 3], [4]]);
    expect(pages.every(({ reconciling, uidValidity }) => reconciling && uidValidity === 2n)).toBe(true);
    expect(pages.map(({ cursorAfter }) => cursorAfter)).toEqual([
      cursor,
      { uidValidity: 2n, lastUid: 4, highestModseq: 5n, startedAt: start },
    ]);
  });

  it("goes on after a crash in the middle: what was stored is not read again, what is old stays unread", async () => {
    const { folder, read } = stage();
    for (const text of ["old 1", "old 2"]) folder.deliver(body(text), { internalDate: after(-60) });
    const [first] = await read({ startFrom: "now" });
    for (const text of ["a", "b"]) folder.deliver(body(text), { internalDate: after(60) });
    folder.resetUidValidity();
    const [broken] = await read({ cursor: first?.cursorAfter ?? null, limits: { pageMessagesMax: 1 } });
    expect(broken?.messages.map(({ uid }) => uid)).toEqual([3]);
    const rest = await read({ cursor: broken?.cursorAfter ?? null, knownUids: async () => new Set([3]) });
    expect(uids(rest)).toEqual([[4]]);
    expect(rest[0]?.cursorAfter).toMatchObject({ uidValidity: 2n, lastUid: 4 });
  });

  it("is not complete while a message cannot be read", async () => {
    const { folder, read } = stage();
    for (const text of ["a", "bad", "c"]) folder.deliver(body(text), { internalDate: after(60) });
    folder.makeUnreadable(2);
    folder.resetUidValidity();
    const cursor = cursorAt(3, { startedAt: start });
    const pages = await read({ cursor });
    expect(pages).toMatchObject([{ unreadable: [2], last: true, cursorAfter: cursor }]);
    expect(pages[0]?.messages.map(({ uid }) => uid)).toEqual([1, 3]);
    const given = await read({ cursor, knownUids: async () => new Set([1, 2, 3]) });
    expect(given).toMatchObject([{ cursorAfter: { uidValidity: 2n, lastUid: 3 } }]);
  });
});

import { Secret } from "@mailfleet/domain";
import { memoryMailSource } from "@mailfleet/testkit";
import { describe, expect, it } from "vitest";
import { type HistoryPage, type ReadHistoryRequest, readHistory } from "./index.ts";

const options = { signal: new AbortController().signal };
const user = "reader@memory.test";
const start = new Date("2026-03-01T12:00:00Z").getTime();
const dayMs = 86_400_000;

/** A folder with one message a day; the newest, of `start`, has the highest UID. */
function stage(count: number) {
  const mail = memoryMailSource({ login: (name) => ({ kind: "password", user: name, password: Secret.of("pw") }) });
  const folder = mail.folder(user);
  for (let day = count - 1; day >= 0; day--) {
    folder.deliver(Buffer.from(`Subject: ${day}\r\n\r\n${day}\r\n`), { internalDate: new Date(start - day * dayMs) });
  }
  return {
    folder,
    async read(part: Partial<ReadHistoryRequest> = {}): Promise<HistoryPage[]> {
      const connection = await mail.source.connect(mail.mailbox(user), options);
      const whole = { folder: "INBOX", uidValidity: 1n, belowUid: count + 1, since: new Date(0) };
      return Array.fromAsync(readHistory(connection, { ...whole, knownUids: async () => new Set(), ...part }, options));
    },
  };
}

const uids = (pages: readonly HistoryPage[]) => pages.map(({ messages }) => messages.map(({ uid }) => uid));
const reached = (pages: readonly HistoryPage[]) => pages.map(({ reachedUid }) => reachedUid);

describe("readHistory", () => {
  it("reads the newest first, page by page, and says with each how far down everything is settled", async () => {
    const pages = await stage(5).read({ limits: { pageMessagesMax: 2 } });
    expect(uids(pages)).toEqual([[5], [3, 4], [1, 2], []]);
    expect(reached(pages)).toEqual([5, 3, 1, 1]);
    expect(pages.map(({ last }) => last)).toEqual([false, false, false, true]);
  });

  it("goes on below where it was stopped", async () => {
    expect(uids(await stage(5).read({ belowUid: 3 }))).toEqual([[1, 2], []]);
    expect(uids(await stage(5).read({ belowUid: 1 }))).toEqual([[]]);
  });

  it("cuts to the second by the server's internal date, also where that does not follow the UIDs", async () => {
    const { folder, read } = stage(4);
    folder.deliver(Buffer.from("Subject: moved\r\n\r\n"), { internalDate: new Date(start - 30 * dayMs) });
    folder.deliver(Buffer.from("Subject: young\r\n\r\n"), { internalDate: new Date(start) });
    const since = new Date(start - dayMs);
    expect(uids(await read({ belowUid: 7, since })).flat()).toEqual([3, 4, 6]);
    expect(uids(await read({ belowUid: 7, since: new Date(since.getTime() + 1_000) })).flat()).toEqual([4, 6]);
  });

  it("reads nothing that is known, and nothing under other UIDs than those it was begun with", async () => {
    const { folder, read } = stage(4);
    expect(uids(await read({ knownUids: async () => new Set([2, 4]) })).flat()).toEqual([1, 3]);
    folder.resetUidValidity();
    expect(await read()).toEqual([]);
  });

  it("waits above a message that is listed and not delivered, and passes it once it was given up", async () => {
    const { folder, read } = stage(5);
    folder.makeUnreadable(3);
    const pages = await read({ limits: { pageMessagesMax: 2 } });
    expect(pages.map(({ unreadable }) => unreadable)).toEqual([[], [3]]);
    expect(reached(pages)).toEqual([5, 5]);
    expect(uids(await read({ belowUid: 5, knownUids: async () => new Set([3]) })).flat()).toEqual([1, 2, 4]);
  });

  it("keeps what was read before a connection broke, and does not count it as reached", async () => {
    const { folder, read } = stage(4);
    folder.failAfterReads(2);
    await expect(read()).rejects.toMatchObject({ code: "provider.unavailable" });
    expect(uids(await read()).flat()).toEqual([1, 2, 3, 4]);
  });
});

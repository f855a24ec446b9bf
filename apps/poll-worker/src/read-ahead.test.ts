import type { MailPage, PageMessage } from "@mailfleet/mail-source";
import { describe, expect, it } from "vitest";
import { readAhead } from "./read-ahead.ts";

const streamed = { body: { kind: "stream", open: async () => null } } as unknown as PageMessage;

function page(lastUid: number, more: Partial<MailPage> = {}): MailPage {
  const cursorAfter = { uidValidity: 1n, lastUid, highestModseq: null, startedAt: new Date(0) };
  return { uidValidity: 1n, messages: [], cursorAfter, unreadable: [], reconciling: false, last: false, ...more };
}

/** Pages that note when they are asked for. */
async function* noting(pages: readonly (MailPage | Error)[], noted: string[]): AsyncGenerator<MailPage> {
  for (const [index, each] of pages.entries()) {
    noted.push(`read ${index}`);
    if (each instanceof Error) throw each;
    yield each;
  }
}

async function storeAll(pages: AsyncIterable<MailPage>, noted: string[]): Promise<void> {
  let index = 0;
  for await (const _ of pages) noted.push(`store ${index++}`);
}

describe("reading ahead", () => {
  it("has the next page on its way while one is stored, and no page beyond it", async () => {
    const noted: string[] = [];
    await storeAll(
      readAhead(noting([page(1), page(2), page(3, { last: true })], noted), () => {}),
      noted,
    );
    expect(noted).toEqual(["read 0", "read 1", "store 0", "read 2", "store 1", "store 2"]);
  });

  it("leaves the connection to a body that streams over it", async () => {
    const noted: string[] = [];
    const pages = [page(1, { messages: [streamed] }), page(2, { last: true })];
    await storeAll(
      readAhead(noting(pages, noted), () => {}),
      noted,
    );
    expect(noted).toEqual(["read 0", "store 0", "read 1", "store 1"]);
  });

  it("tells a failure to read only after the page before it was stored", async () => {
    const noted: string[] = [];
    const broken = new Error("the connection broke");
    await expect(
      storeAll(
        readAhead(noting([page(1), broken], noted), () => {}),
        noted,
      ),
    ).rejects.toBe(broken);
    expect(noted).toEqual(["read 0", "read 1", "store 0"]);
  });

  it("hands out no page beyond the one that is enough, and reads none", async () => {
    const noted: string[] = [];
    const pages = noting([page(1), page(2), page(3), page(4, { last: true })], noted);
    await storeAll(
      readAhead(
        pages,
        () => {},
        ({ cursorAfter }) => cursorAfter.lastUid >= 2,
      ),
      noted,
    );
    expect(noted).toEqual(["read 0", "read 1", "store 0", "store 1"]);
  });

  it("asks before every reading, and reads no further once it is refused", async () => {
    const noted: string[] = [];
    const over = new Error("the run is over");
    const beforeEach = () => {
      if (noted.length >= 2) throw over;
    };
    await expect(storeAll(readAhead(noting([page(1), page(2), page(3)], noted), beforeEach), noted)).rejects.toBe(over);
    expect(noted).toEqual(["read 0", "read 1", "store 0"]);
  });
});

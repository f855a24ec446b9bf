import { type NewMessage, type NewPage, unjudged } from "@mailfleet/database";
import { Epoch, OperationalError, untrusted } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { describe, expect, it } from "vitest";
import { storePage } from "./store-page.ts";

const grant = {} as Grant<"mailbox.poll">; // handed through, never looked at here

function message(uid: number): NewMessage {
  const ref = { segment: "s", offset: 0, length: 1 };
  const outside = untrusted({
    messageIdHeader: "<a@b>",
    envelope: { subject: "s", from: [], replyTo: [], to: [], cc: [] },
  });
  return {
    ...{
      uid,
      contentKey: new Uint8Array(32),
      providerThreadId: null,
      inReplyTo: null,
      references: [],
      ...outside,
      sentAt: null,
    },
    ...{
      receivedAt: new Date(),
      sizeBytes: 1,
      rawSha256: new Uint8Array(32),
      raw: ref,
      body: ref,
      unparsedReason: null,
    },
    attachments: [],
    judgement: unjudged,
  };
}

function page(uids: readonly number[]): NewPage {
  const cursor = { uidValidity: 1n, lastUid: 99, highestModseq: null, startedAt: new Date(0) };
  const messages = uids.map(message);
  return { epoch: Epoch.parse(1), folder: "INBOX", uidValidity: 1n, cursor, messages, unreadable: [7], last: true };
}

/** Refuses pages that hold a bad message as PostgreSQL would, and keeps the others. */
function inbox(badUids: readonly number[], error: unknown = Object.assign(new Error("invalid"), { code: "22P05" })) {
  const stored: NewPage[] = [];
  return {
    stored,
    async storePage(_grant: Grant<"mailbox.poll">, newPage: NewPage) {
      if (newPage.messages.some(({ uid, unparsedReason }) => badUids.includes(uid) && unparsedReason === null))
        throw error;
      stored.push(newPage);
      return { storedCount: newPage.messages.length, knownCount: 0 };
    },
  };
}

describe("a page that PostgreSQL refuses for its content", () => {
  it("is stored all the same, the culprits as nothing but their bytes", async () => {
    const kept = inbox([3, 8]);
    const result = await storePage(kept, grant, page([1, 2, 3, 4, 5, 6, 8]));
    expect(result.storedCount).toBe(7);
    const messages = kept.stored.flatMap((stored) => stored.messages);
    expect(messages.map(({ uid }) => uid)).toEqual([1, 2, 3, 4, 5, 6, 8]);
    expect(messages.filter(({ unparsedReason }) => unparsedReason !== null).map(({ uid }) => uid)).toEqual([3, 8]);
  });

  it("moves the cursor once, with its last part", async () => {
    const kept = inbox([1]);
    await storePage(kept, grant, page([1, 2, 3, 4]));
    expect(
      kept.stored.map(({ cursor, last, unreadable }) => [cursor?.lastUid ?? null, last, unreadable.length]),
    ).toEqual([
      [null, false, 0],
      [null, false, 0],
      [99, true, 1],
    ]);
  });

  it.each([
    ["a fenced run", new OperationalError("run.fenced", "newer run")],
    ["a lost connection", Object.assign(new Error("gone"), { code: "CONNECTION_CLOSED" })],
    ["a bug", new TypeError("undefined")],
  ])("is not cut in two because of %s", async (_, error) => {
    const kept = inbox([1], error);
    await expect(storePage(kept, grant, page([1, 2]))).rejects.toBe(error);
    expect(kept.stored).toEqual([]);
  });
});

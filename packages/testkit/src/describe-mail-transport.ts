import { randomUUID } from "node:crypto";
import type { Login, MailServer, MailTransport } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

export type DeliveredCopy = { readonly recipient: string; readonly raw: Uint8Array };

export type MailTransportFixture = {
  readonly transport: MailTransport;
  readonly via: { readonly server: MailServer; readonly login: Login };
  /** A password login that the server refuses. */
  readonly wrongLogin: Login;
  readonly sender: string;
  /** `refused` is refused for good (5yz), `deferred` for now (4yz). */
  readonly recipients: {
    readonly good: readonly [string, string];
    readonly refused: string;
    readonly deferred: string;
  };
  /** Every copy delivered so far, once the server has nothing left to do. */
  delivered(): Promise<readonly DeliveredCopy[]>;
  close?(): Promise<void>;
};

/** Where a server goes away: before it greets, while the body comes, instead of the reply; or it stays and says nothing. */
export type BreakingPoint = "greeting" | "body" | "reply" | "silence";

export type BrokenMailTransportFixture = MailTransportFixture & { breakAt(point: BreakingPoint): void };

const never = new AbortController().signal;
const nothing = { beforeTransmit: async () => {}, signal: never };

/** What every MailTransport promises. An adapter's test file is one call to this. */
export function describeMailTransport(name: string, start: () => Promise<MailTransportFixture>): void {
  describe(`${name} is a MailTransport`, () => {
    let fixture: MailTransportFixture;
    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(async () => fixture?.close?.());

    const to = (recipients: readonly string[], raw = message()) => ({
      envelope: { from: fixture.sender, to: recipients },
      raw,
    });
    const copiesOf = async (raw: Uint8Array) => (await fixture.delivered()).filter((copy) => same(copy.raw, raw));

    it("delivers one copy to each recipient, byte for byte, whatever a line begins with", async () => {
      const lines = [
        ".",
        "..",
        ".leading dot",
        "",
        "\ttab",
        "8-bit: Grüße, 日本語 🙂",
        "x".repeat(900),
        "From here",
        ".",
      ];
      const raw = message(lines);
      const { good } = fixture.recipients;
      const receipt = await fixture.transport.send(fixture.via, to(good, raw), nothing);
      expect(receipt).toMatchObject({ accepted: good, refused: [] });
      expect((await copiesOf(raw)).map((copy) => copy.recipient).toSorted()).toEqual(good.toSorted());
    });

    it("delivers a message of a megabyte whole", async () => {
      const raw = message(Array.from({ length: 13_000 }, (_, index) => `${index} ${"a".repeat(70)}`));
      await fixture.transport.send(fixture.via, to([fixture.recipients.good[0]], raw), nothing);
      expect(await copiesOf(raw)).toHaveLength(1);
    });

    it("runs beforeTransmit once, after login and before anything is handed over", async () => {
      const raw = message();
      let runsCount = 0;
      const beforeTransmit = async () => {
        runsCount += 1;
        expect(await copiesOf(raw)).toEqual([]);
      };
      await fixture.transport.send(fixture.via, to(fixture.recipients.good, raw), { beforeTransmit, signal: never });
      expect(runsCount).toBe(1);
      expect(await copiesOf(raw)).toHaveLength(2);
    });

    it("sends nothing when beforeTransmit fails, and passes its error on", async () => {
      const raw = message();
      const lost = new Error("the row could not be written");
      const beforeTransmit = () => Promise.reject(lost);
      const sending = fixture.transport.send(fixture.via, to(fixture.recipients.good, raw), {
        beforeTransmit,
        signal: never,
      });
      await expect(sending).rejects.toBe(lost);
      expect(await copiesOf(raw)).toEqual([]);
    });

    it("delivers to the others when some recipients are refused, and says which and for how long", async () => {
      const raw = message();
      const { good, refused, deferred } = fixture.recipients;
      const receipt = await fixture.transport.send(fixture.via, to([good[0], refused, deferred], raw), nothing);
      expect(receipt.accepted).toEqual([good[0]]);
      expect(receipt.refused).toEqual([
        {
          address: refused,
          code: expect.any(Number),
          enhancedCode: expect.stringMatching(/^5\.\d+\.\d+$/),
          permanent: true,
        },
        {
          address: deferred,
          code: expect.any(Number),
          enhancedCode: expect.stringMatching(/^4\.\d+\.\d+$/),
          permanent: false,
        },
      ]);
      expect(receipt.refused.map(({ code }) => Math.floor(code / 100))).toEqual([5, 4]);
      expect((await copiesOf(raw)).map((copy) => copy.recipient)).toEqual([good[0]]);
    });

    it("returns, and does not throw, when every recipient is refused, and delivers to nobody", async () => {
      const raw = message();
      const { refused, deferred } = fixture.recipients;
      const receipt = await fixture.transport.send(fixture.via, to([refused, deferred], raw), nothing);
      expect(receipt).toMatchObject({
        accepted: [],
        refused: [{ permanent: true }, { permanent: false }],
        serverMessageId: null,
      });
      expect(await copiesOf(raw)).toEqual([]);
    });

    it("says login.refused for a wrong password, before anything was marked as transmitted", async () => {
      const beforeTransmit = () => expect.unreachable("beforeTransmit ran without a login");
      const sending = fixture.transport.send(
        { ...fixture.via, login: fixture.wrongLogin },
        to(fixture.recipients.good),
        {
          beforeTransmit,
          signal: never,
        },
      );
      await expect(sending).rejects.toMatchObject({ code: "login.refused" });
    });

    it("sends nothing when it is aborted before it began", async () => {
      const raw = message();
      const beforeTransmit = () => expect.unreachable("beforeTransmit ran after an abort");
      const sending = fixture.transport.send(fixture.via, to(fixture.recipients.good, raw), {
        beforeTransmit,
        signal: AbortSignal.abort(),
      });
      await expect(sending).rejects.toMatchObject({ code: "provider.unavailable" });
      expect(await copiesOf(raw)).toEqual([]);
    });

    it("sends nothing when it is aborted while beforeTransmit runs", async () => {
      const raw = message();
      const stop = new AbortController();
      const beforeTransmit = async () => stop.abort();
      const sending = fixture.transport.send(fixture.via, to(fixture.recipients.good, raw), {
        beforeTransmit,
        signal: stop.signal,
      });
      await expect(sending).rejects.toMatchObject({ code: "provider.unavailable" });
      expect(await copiesOf(raw)).toEqual([]);
    });

    it.each([
      ["a lone LF", "Subject: x\n\nbody\r\n"],
      ["a lone CR", "Subject: x\r\n\r\nbo\rdy\r\n"],
      ["a smuggled end of data", "Subject: x\r\n\r\nbody\n.\r\nMAIL FROM:<x@example.com>\r\n"],
    ])("refuses %s instead of changing the bytes", async (_, text) => {
      const sending = fixture.transport.send(fixture.via, to(fixture.recipients.good, bytes(text)), nothing);
      await expect(sending).rejects.toMatchObject({ code: "contract.violated" });
    });

    it("refuses an address that would end the command it stands in", async () => {
      const sending = fixture.transport.send(fixture.via, to(["a@example.com>\r\nRCPT TO:<b@example.com"]), nothing);
      await expect(sending).rejects.toMatchObject({ code: "contract.violated" });
    });
  });
}

/** What every MailTransport promises of a server that goes away. */
export function describeBrokenMailTransport(name: string, start: () => Promise<BrokenMailTransportFixture>): void {
  describe(`${name} keeps its word when the server goes away`, () => {
    let fixture: BrokenMailTransportFixture;
    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(async () => fixture?.close?.());

    const to = (raw: Uint8Array) => ({ envelope: { from: fixture.sender, to: [fixture.recipients.good[0]] }, raw });
    const copiesOf = async (raw: Uint8Array) => (await fixture.delivered()).filter((copy) => same(copy.raw, raw));

    it("says provider.unavailable when the connection is lost before the login, and marks nothing as transmitted", async () => {
      fixture.breakAt("greeting");
      const beforeTransmit = () => expect.unreachable("beforeTransmit ran without a connection");
      const sending = fixture.transport.send(fixture.via, to(message()), { beforeTransmit, signal: never });
      await expect(sending).rejects.toMatchObject({ code: "provider.unavailable" });
    });

    it("says send.outcome-unknown when the connection is lost while the body leaves", async () => {
      fixture.breakAt("body");
      const sending = fixture.transport.send(fixture.via, to(message()), nothing);
      await expect(sending).rejects.toMatchObject({ code: "send.outcome-unknown" });
    });

    it("says send.outcome-unknown when the reply is lost, and hands the message over once only", async () => {
      fixture.breakAt("reply");
      const raw = message();
      await expect(fixture.transport.send(fixture.via, to(raw), nothing)).rejects.toMatchObject({
        code: "send.outcome-unknown",
      });
      expect(await copiesOf(raw)).toHaveLength(1);
    });

    it("says send.outcome-unknown, at once, when it is aborted while it waits for the reply", async () => {
      fixture.breakAt("silence");
      const raw = message();
      const stop = new AbortController();
      const sending = fixture.transport.send(fixture.via, to(raw), { ...nothing, signal: stop.signal });
      const ending = expect(sending).rejects.toMatchObject({ code: "send.outcome-unknown" });
      await expect.poll(() => copiesOf(raw), { interval: 5 }).toHaveLength(1);
      stop.abort();
      await ending;
    });
  });
}

/** A message that no other test sends. */
function message(lines: readonly string[] = ["Hello."]): Uint8Array {
  const head = [
    "From: <sender@example.com>",
    "Subject: Test",
    `Message-ID: <${randomUUID()}@example.com>`,
    "Date: Sun, 01 Mar 2026 12:00:00 +0000",
  ];
  const type = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"];
  return bytes(`${[...head, ...type, "", ...lines].join("\r\n")}\r\n`);
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf8"));
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.from(left.buffer, left.byteOffset, left.byteLength).equals(right);
}

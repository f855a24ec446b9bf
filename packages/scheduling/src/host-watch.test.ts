import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coolDownMs, createHostWatch, type HostOutcome } from "./host-watch.ts";

const start = new Date("2026-03-01T12:00:00Z").getTime();
const outcome = (mailbox: number, more: Partial<HostOutcome> = {}): HostOutcome => ({
  host: "imap.example.com",
  mailboxId: `m${mailbox}`,
  at: new Date(start + mailbox),
  kind: "unreachable",
  ...more,
});

describe("a host watch", () => {
  it("blames the host at the fifth different mailbox that gets no answer", () => {
    const watch = createHostWatch();
    expect([1, 2, 3, 4].map((mailbox) => watch.note(outcome(mailbox)))).toEqual([null, null, null, null]);
    expect(watch.note(outcome(5))).toEqual({ hintMs: null });
    expect(watch.note(outcome(1))).toEqual({ hintMs: null }); // it still is
    watch.note(outcome(6, { kind: "answered" }));
    expect(watch.note(outcome(1))).toBeNull();
  });

  it("never blames it for one mailbox, however often that fails", () => {
    const watch = createHostWatch();
    for (let attempt = 0; attempt < 100; attempt++) expect(watch.note(outcome(1))).toBeNull();
  });

  it("never blames a host that answers one in five, nor for failures a minute apart, nor for those of other hosts", () => {
    const watch = createHostWatch();
    for (let mailbox = 0; mailbox < 100; mailbox++) {
      const kind = mailbox % 5 === 4 ? "answered" : "unreachable";
      expect(watch.note(outcome(mailbox, { kind }))).toBeNull();
      expect(watch.note(outcome(mailbox, { host: `host-${mailbox}.example.com` }))).toBeNull();
      const at = new Date(start + mailbox * 60_001);
      expect(watch.note(outcome(mailbox, { host: "slow.example.com", at }))).toBeNull();
    }
  });

  it("tells the longest pause that was asked for when it is the host that throttles", () => {
    const watch = createHostWatch();
    const hints = [5_000, 90_000, 20_000, undefined, 1_000];
    const told = hints.map((hintMs, mailbox) => watch.note(outcome(mailbox, { kind: "throttled", hintMs })));
    expect(told.at(-1)).toEqual({ hintMs: 90_000 });
  });
});

describe("coolDownMs", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it("doubles from 15 s to 5 minutes, at most half of it taken off by chance", () => {
    const most = [1, 2, 5, 6, 100].map((openingsCount) => coolDownMs({ openingsCount, hintMs: null, random: () => 1 }));
    expect(most).toEqual([15_000, 30_000, 240_000, 300_000, 300_000]);
    expect(coolDownMs({ openingsCount: 1, hintMs: null, random: () => 0 })).toBe(7_500);
  });

  it("is never shorter than asked, up to an hour, and never longer than a tenth above both", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.nat(86_400_000), random, (openingsCount, hintMs, draw) => {
        const ms = coolDownMs({ openingsCount, hintMs, random: () => draw });
        expect(ms).toBeGreaterThanOrEqual(Math.min(hintMs, 3_600_000));
        expect(ms).toBeLessThanOrEqual(Math.ceil(1.1 * Math.max(300_000, Math.min(hintMs, 3_600_000))));
      }),
    );
  });
});

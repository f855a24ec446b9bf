import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reserveSend, type SendingBook, type SendingLimits, sendingLimitsOf } from "./sending-limits.ts";

const limits = (changes: Partial<SendingLimits>): SendingLimits => ({
  ...{ perMinute: null, connectionsMax: null, messagesPerDay: null, recipientsPerDay: null, recipientsPerMessage: 100 },
  ...changes,
});
const empty: SendingBook = { freeAt: 0, hours: [] };
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** When messages leave that ask after these pauses, in ms, each for so many recipients. */
function timesOf(asked: readonly { pauseMs: number; recipientsCount: number }[], of: SendingLimits): readonly number[] {
  let now = Date.UTC(2026, 0, 1);
  let book = empty;
  return asked.map(({ pauseMs, recipientsCount }) => {
    now += pauseMs;
    const reserved = reserveSend(book, of, { now, recipientsCount });
    book = reserved.book;
    return reserved.at;
  });
}

const asks = fc.array(
  fc.record({
    pauseMs: fc.integer({ min: 0, max: 2 * 60 * minuteMs }),
    recipientsCount: fc.integer({ min: 1, max: 20 }),
  }),
  { minLength: 1, maxLength: 120 },
);

describe("the limits of a provider's mailbox", () => {
  it("are known by the name of its server, whatever its case, and nothing is made up for others", () => {
    expect(sendingLimitsOf("SMTP.office365.com")).toMatchObject({
      perMinute: 30,
      connectionsMax: 3,
      recipientsPerDay: 10_000,
    });
    expect(sendingLimitsOf("smtp.gmail.com")).toMatchObject({ messagesPerDay: 2_000, recipientsPerMessage: 100 });
    expect(sendingLimitsOf("mail.acme.example")).toBeNull();
  });

  it("let a first message leave at once", () => {
    expect(timesOf([{ pauseMs: 0, recipientsCount: 500 }], limits({ perMinute: 30, recipientsPerDay: 100 }))).toEqual([
      Date.UTC(2026, 0, 1),
    ]);
  });

  it("are kept in every minute and in every 24 hours, in the order of asking, and never before the asking", () => {
    const of = limits({ perMinute: 30, messagesPerDay: 40, recipientsPerDay: 300 });
    fc.assert(
      fc.property(asks, (asked) => {
        const times = timesOf(asked, of);
        let now = Date.UTC(2026, 0, 1);
        for (const [index, at] of times.entries()) {
          now += asked[index]?.pauseMs ?? 0;
          expect(at).toBeGreaterThanOrEqual(Math.max(now, times[index - 1] ?? 0));
          const within = (ms: number) =>
            times.flatMap((other, place) => (other > at - ms && other <= at && place <= index ? [place] : []));
          expect(within(minuteMs).length).toBeLessThanOrEqual(30);
          expect(within(dayMs).length).toBeLessThanOrEqual(40);
          const recipients = within(dayMs).reduce((sum, place) => sum + (asked[place]?.recipientsCount ?? 0), 0);
          expect(recipients).toBeLessThanOrEqual(300);
        }
      }),
    );
  });

  it("give 50,000 messages of one mailbox a place each without counting what no longer matters", () => {
    const asked = Array.from({ length: 50_000 }, () => ({ pauseMs: 0, recipientsCount: 1 }));
    const times = timesOf(asked, limits({ messagesPerDay: 2_000 }));
    expect(((times.at(-1) ?? 0) - (times[0] ?? 0)) / dayMs).toBeLessThan(26);
    expect(new Set(times).size).toBe(25);
  });
});

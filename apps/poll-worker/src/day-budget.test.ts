import { describe, expect, it } from "vitest";
import { dayBytesLeft } from "./day-budget.ts";

const now = new Date("2026-02-28T22:00:00Z");
const left = (host: string, bytesToday: number) => dayBytesLeft({ host, bytesToday, bytesMax: 4_000_000_000 }, now);

describe("a mailbox's bytes of the day", () => {
  it("are 1,000 MB at Google and the fleet's elsewhere, half of them for history", () => {
    expect(left("imap.gmail.com", 0)).toEqual({ news: 1_000_000_000, history: 500_000_000 });
    expect(left("imap.gmail.com", 600_000_000)).toEqual({ news: 400_000_000, history: 0 });
    expect(left("mail.example", 600_000_000)).toEqual({ news: 3_400_000_000, history: 1_400_000_000 });
  });

  it("are over until the next day begins in UTC", () => {
    expect(() => left("imap.gmail.com", 1_000_000_000)).toThrow(
      expect.objectContaining({ code: "budget.spent", remedy: "wait", retryAt: new Date("2026-03-01T00:00:00Z") }),
    );
  });
});

import { OperationalError } from "@mailfleet/domain";

/** Google suspends an account's mail for up to a day when more than 2,500 MB of it are read in one, by everyone together. */
const gmailBytesMax = 1_000_000_000;
const gmailHosts: ReadonlySet<string> = new Set(["imap.gmail.com", "imap.googlemail.com"]);

/** History is read with half of the day's bytes at most: new mail has the other half. */
const historyPart = 0.5;

export type DayBytes = {
  readonly host: string;
  readonly bytesToday: number;
  /** For every host whose own limit is not known. */
  readonly bytesMax: number;
};

/** Bytes of new mail, and of history. */
export type DayBytesLeft = { readonly news: number; readonly history: number };

/**
 * How many bytes of a mailbox may be read now, out of what its provider bears in a day.
 *
 * @throws OperationalError `budget.spent`, with the next day's beginning
 */
export function dayBytesLeft({ host, bytesToday, bytesMax }: DayBytes, now: Date): DayBytesLeft {
  const most = gmailHosts.has(host) ? Math.min(gmailBytesMax, bytesMax) : bytesMax;
  const news = most - bytesToday;
  if (news > 0) return { news, history: Math.max(0, most * historyPart - bytesToday) };
  throw new OperationalError("budget.spent", "the mailbox has been read as much as its provider bears in a day", {
    retryAt: new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1)),
  });
}

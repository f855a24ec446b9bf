import { between, doubling, type Random } from "./jitter.ts";

/** A tenant's own limits, in milliseconds. */
export type PollBounds = {
  /** No two polls of a mailbox are closer than this. It protects the mailbox's server, so it wins over freshness. */
  readonly intervalMsMin: number;
  /** How old a mailbox's state may get. Every mailbox is looked at in half of it, so that one late pass breaks no promise. */
  readonly freshnessMs: number;
};

export type NextPollInput = {
  readonly now: Date;
  readonly hadNews: boolean;
  /** Passes in a row that found nothing, this one included. Not looked at when this one found something. */
  readonly idlePassesCount: number;
  readonly bounds: PollBounds;
  readonly random: Random;
};

const busyMs = 15_000;

/** A quarter to either side: enough to pull apart mailboxes that fell into step, little enough to cost few polls. */
const jitterRatio = 0.25;

/**
 * When to look again: 15 s after news, then twice as long with each quiet pass, up to half the freshness bound. Spread
 * around that, and always within the bounds.
 */
export function nextPollAt({ now, hadNews, idlePassesCount, bounds, random }: NextPollInput): Date {
  const longestMs = Math.max(bounds.intervalMsMin, bounds.freshnessMs / 2);
  const within = (ms: number) => Math.min(Math.max(ms, bounds.intervalMsMin), longestMs);
  const aimMs = within(doubling(busyMs, hadNews ? 0 : idlePassesCount, longestMs));
  const delayMs = between(within(aimMs * (1 - jitterRatio)), within(aimMs * (1 + jitterRatio)), random);
  return new Date(now.getTime() + within(delayMs));
}

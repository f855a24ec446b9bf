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
  /** The passes before failed, or all of the host's mailboxes waited for it: many of them come back at this moment. */
  readonly returning?: boolean;
  readonly random: Random;
};

const busyMs = 15_000;

/** A quarter to either side: enough to pull apart mailboxes that fell into step, little enough to cost few polls. */
const jitterRatio = 0.25;

/**
 * When to look again: 15 s after news, then twice as long with each quiet pass, up to half the freshness bound. Spread
 * around that, and always within the bounds. A mailbox that returns is put anywhere between them: those that came back
 * together do not stay together.
 */
export function nextPollAt({ now, hadNews, idlePassesCount, bounds, returning = false, random }: NextPollInput): Date {
  const longestMs = Math.max(bounds.intervalMsMin, bounds.freshnessMs / 2);
  if (returning) return new Date(now.getTime() + between(bounds.intervalMsMin, longestMs, random));
  const within = (ms: number) => Math.min(Math.max(ms, bounds.intervalMsMin), longestMs);
  const aimMs = within(doubling(busyMs, hadNews ? 0 : idlePassesCount, longestMs));
  const delayMs = between(within(aimMs * (1 - jitterRatio)), within(aimMs * (1 + jitterRatio)), random);
  return new Date(now.getTime() + within(delayMs));
}

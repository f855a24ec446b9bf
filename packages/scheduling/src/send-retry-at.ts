import { between, type Random } from "./jitter.ts";

export type SendRetryInput = {
  readonly now: Date;
  /** Attempts made so far, the one that just failed included: 1 the first time. */
  readonly attemptsCount: number;
  readonly firstAttemptAt: Date;
  /** The provider's own hint (`retryAt` of the error). The next attempt is never before it. */
  readonly notBefore?: Date | undefined;
  readonly random: Random;
};

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/**
 * RFC 5321 §4.5.4.1 asks relays for half-hour steps over four days. A submission client is no relay: once the server has
 * said 250 the provider owns the message, and what is left to us is "could not hand it in", which is worth a day.
 */
const stepsMs = [30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 4 * hour] as const;
const totalMs = 24 * hour;

/** Two attempts closer together than this are not worth making: the day's last one then takes the other's place. */
const lastGapMs = 30 * second;

/**
 * When to hand a deferred message in again; null once a day has gone by since the first attempt, or when the provider
 * asked us to stay away for longer than that. The last attempt is made as the day ends.
 */
export function sendRetryAt({ now, attemptsCount, firstAttemptAt, notBefore, random }: SendRetryInput): Date | null {
  const end = firstAttemptAt.getTime() + totalMs;
  if (end - now.getTime() < lastGapMs || (notBefore !== undefined && notBefore.getTime() > end)) return null;

  const stepMs = stepsMs[Math.max(attemptsCount, 1) - 1] ?? 4 * hour;
  const due = now.getTime() + between(stepMs, stepMs * 1.25, random); // never early: a server's greylist counts the seconds
  const at = Math.max(due, notBefore?.getTime() ?? 0);
  return new Date(end - at < lastGapMs ? end : at);
}

import { between, doubling, type Random } from "./jitter.ts";

/** How one pass over a mailbox found its mail host. */
export type HostOutcome = {
  readonly host: string;
  readonly mailboxId: string;
  readonly at: Date;
  /** `answered` is whatever a server says that is at work, a refused login too. */
  readonly kind: "answered" | "unreachable" | "throttled";
  /** With `throttled`: how long the host asked us to stay away. */
  readonly hintMs?: number | undefined;
};

/** A host that seems to be in trouble for everyone, and how long it asked to be left alone; null where it named no time. */
export type HostTrouble = { readonly hintMs: number | null };

/** Tells a host in trouble from mailboxes in trouble: many different mailboxes of it failed, and none was answered between. */
export type HostWatch = { note(outcome: HostOutcome): HostTrouble | null };

/** Fewer than these may have failed for reasons of their own. */
const mailboxesMin = 5;
/** Failures that are further apart tell nothing of each other. */
const windowMs = 60_000;
/** Hosts with a failure in the window. Each may be any name a tenant wrote. */
const hostsMax = 10_000;

type Failures = { lastAt: number; hintMs: number | null; readonly mailboxIds: Set<string> };

export function createHostWatch(): HostWatch {
  const failing = new Map<string, Failures>();
  return {
    note({ host, mailboxId, at, kind, hintMs }) {
      if (kind === "answered") {
        failing.delete(host);
        return null;
      }
      const known = failing.get(host);
      const recent = known !== undefined && at.getTime() - known.lastAt <= windowMs;
      const failures: Failures = recent ? known : { lastAt: 0, hintMs: null, mailboxIds: new Set() };
      failures.lastAt = at.getTime();
      if (hintMs !== undefined) failures.hintMs = Math.max(failures.hintMs ?? 0, hintMs);
      if (failures.mailboxIds.size < mailboxesMin) failures.mailboxIds.add(mailboxId);
      failing.delete(host);
      if (failing.size >= hostsMax) failing.delete(failing.keys().next().value as string); // the one that failed longest ago
      failing.set(host, failures);
      return failures.mailboxIds.size < mailboxesMin ? null : { hintMs: failures.hintMs };
    },
  };
}

const firstMs = 15_000;
const longestMs = 300_000;
/** What a host asks for is its word, and it may be wrong: after an hour a few mailboxes look for themselves. */
const hintMsMax = 3_600_000;

/**
 * How long a host is left alone, in milliseconds: 15 s, twice as long with each opening in a row, at most 5 minutes, half of
 * it by chance; and never shorter than it asked.
 */
export function coolDownMs(input: {
  /** Openings in a row, this one included: 1 the first time. */
  readonly openingsCount: number;
  readonly hintMs: number | null;
  readonly random: Random;
}): number {
  const mostMs = doubling(firstMs, input.openingsCount - 1, longestMs);
  const askedMs = Math.min(input.hintMs ?? 0, hintMsMax);
  return Math.max(between(mostMs / 2, mostMs, input.random), between(askedMs, askedMs * 1.1, input.random));
}

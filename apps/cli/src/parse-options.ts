import { InvalidArgumentError } from "commander";
import { UsageError } from "./faults.ts";

const msByUnit = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const lifetimeDaysMax = 3_650;

/** `12h`, `90d` or `4w`, in ms. */
export function parseLifetimeMs(text: string): number {
  const ms = lifetimeMs(text);
  if (ms !== null) return ms;
  throw new InvalidArgumentError(`Write hours, days or weeks, such as 12h, 90d or 4w; at most ${lifetimeDaysMax}d.`);
}

export function isLifetime(text: string): boolean {
  return lifetimeMs(text) !== null;
}

function lifetimeMs(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  const ms = Number(count) * (msByUnit[unit as keyof typeof msByUnit] ?? Number.NaN);
  return ms > 0 && ms <= lifetimeDaysMax * msByUnit.d ? ms : null;
}

/** An instant of ISO 8601 that names its offset: without one it would mean something else on another machine. */
export function parseInstant(text: string): Date {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)
    ? new Date(text)
    : new Date(Number.NaN);
  if (!Number.isNaN(at.getTime())) return at;
  throw new InvalidArgumentError(
    "Write a time with its offset, such as 2030-01-31T09:00:00Z or 2030-01-31T09:00+01:00.",
  );
}

/** `30s`, `5m` or `2h`, in ms. */
export function parseWaitMs(text: string): number {
  const [, count, unit] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  const ms = Number(count) * ({ s: 1_000, m: 60_000, h: 3_600_000 }[unit ?? ""] ?? Number.NaN);
  if (ms > 0 && ms <= 86_400_000) return ms;
  throw new InvalidArgumentError("Write seconds, minutes or hours, such as 30s, 5m or 2h; at most 24h.");
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new InvalidArgumentError("Write a whole number from 1.");
}

/** A number above 0, such as 0.5. */
export function parseRate(text: string): number {
  const rate = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (rate > 0) return rate;
  throw new InvalidArgumentError("Write a number above 0, such as 500 or 0.5.");
}

export function parseKind(text: string): "poll" | "deliver" {
  if (text === "poll" || text === "deliver") return text;
  throw new InvalidArgumentError("Write poll or deliver.");
}

/** A host name or an address, as a mailbox's server names it; names know no case. */
export function parseHost(text: string): string {
  const host = text.toLowerCase();
  if (/^[a-z0-9._:-]{1,253}$/.test(host)) return host;
  throw new UsageError("the host is not a name", "Write it as the mailboxes name it, such as imap.gmail.com.");
}

/** A whole number from 0. */
export function parseSequence(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write a whole number from 0.");
}

export type NamedAddress = { readonly name: string | null; readonly address: string };

/** `ada@example.com` or `Ada Lovelace <ada@example.com>`. Whether the address is one is for the send request to say. */
export function parseNamedAddress(text: string): NamedAddress {
  const [, name, address] = /^([^<>]*)<([^<>]+)>$/.exec(text.trim()) ?? [];
  if (address === undefined) return { name: null, address: text.trim() };
  return { name: unquoted(name ?? "") || null, address: address.trim() };
}

function unquoted(name: string): string {
  const [, inner] = /^"(.*)"$/.exec(name.trim()) ?? [];
  return inner ?? name.trim();
}

/** `a,b` as a list. For options given once. */
export function parseNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => name !== "")) return [...new Set(names)];
  throw new InvalidArgumentError("Write names with commas between them, such as support,sales.");
}

/** A name for people and logs, shown as it is. */
export function parseActorName(text: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,62}$/u.test(text)) return text;
  throw new InvalidArgumentError("Write letters, digits, spaces and . _ @ -, at most 63.");
}

import { Resolver } from "node:dns/promises";

export type DnsTxtLookupOptions = {
  readonly now: () => Date;
  /** Of one try; there are two. */
  readonly timeoutMs?: number;
  /** Addresses of resolvers, with a port where it is not 53. Absent: the system's. */
  readonly servers?: readonly string[];
};

/** Names a fleet's mail asks for over and over: the keys of the senders everybody hears from. */
const answersMax = 10_000;
const keptMs = 300_000;
/** An error is asked about again soon, and not by every message of a page. */
const errorKeptMs = 30_000;

/**
 * TXT records from the DNS, each as its character strings, and for a while from memory. Rejects as Node's resolver does:
 * with the code ENOTFOUND or ENODATA where there is none.
 */
export function createDnsTxtLookup({ now, timeoutMs = 2_000, servers }: DnsTxtLookupOptions) {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const answers = new Map<string, { answer: Promise<string[][]>; until: number }>();

  return (name: string): Promise<string[][]> => {
    const key = name.toLowerCase();
    const known = answers.get(key);
    if (known !== undefined && known.until > now().getTime()) return known.answer;
    const entry = { answer: resolver.resolveTxt(key), until: now().getTime() + keptMs };
    entry.answer.catch(() => {
      entry.until = now().getTime() + errorKeptMs;
    });
    answers.delete(key); // so that the order of the map stays that of asking
    answers.set(key, entry);
    for (const oldest of answers.keys()) {
      if (answers.size <= answersMax) break;
      answers.delete(oldest);
    }
    return entry.answer;
  };
}

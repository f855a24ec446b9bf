/**
 * Asks the DNS for the TXT records of a name: each record as its character strings. Rejects with a `code` as Node's
 * resolver does: ENOTFOUND and ENODATA say there is none, everything else that nobody knows.
 */
export type TxtLookup = (name: string) => Promise<string[][]>;

export class LookupFailed extends Error {
  override readonly name = "LookupFailed";
  readonly code: string;
  constructor(code: string) {
    super(`the DNS gave no answer (${code})`);
    this.code = code;
  }
}

/** Of one message: a stranger decides how many keys are named, we how many are asked for. */
const lookupsMax = 24;

/** Bounds what one message may ask for, in number and in time, and asks each name once. */
export function boundLookups(lookup: TxtLookup, timeoutMs: number): TxtLookup {
  const asked = new Map<string, Promise<string[][]>>();
  let deadline: AbortSignal | null = null; // most mail asks for nothing, and a timer each would add up
  return (name) => {
    const key = name.toLowerCase();
    const known = asked.get(key);
    if (known !== undefined) return known;
    deadline ??= AbortSignal.timeout(timeoutMs);
    if (asked.size >= lookupsMax || deadline.aborted) return Promise.reject(new LookupFailed("ETIMEOUT"));
    const answer = untilAborted(lookup(key), deadline);
    asked.set(key, answer);
    return answer;
  };
}

function untilAborted<Answer>(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new LookupFailed("ETIMEOUT"));
    signal.addEventListener("abort", stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOTFOUND", "ENODATA", "EBADNAME"].includes(String(error.code));
}

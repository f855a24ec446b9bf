import { OperationalError } from "@mailfleet/domain";

export type HoldClaim = {
  /** For how long the claim is ours without a word, in ms. */
  readonly heldMs: number;
  /** How long it is ours once it was prolonged, in ms. */
  readonly prepareMs: number;
  /** False: the claim is someone else's, or the transmission has begun. */
  readonly prolong: () => Promise<boolean>;
};

/** A submission that is being prepared, until `release`: most are on their way long before their claim needs a word. */
export type HeldClaim = {
  /** Aborts when the claim turns out to be someone else's, with `run.fenced`. */
  readonly signal: AbortSignal;
  release(): void;
};

/** The database may be away for a moment. */
const againMs = 1_000;

export function holdClaim({ heldMs, prepareMs, prolong }: HoldClaim): HeldClaim {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isReleased = false;

  const renew = async () => {
    const isOurs = await prolong().catch(() => null);
    if (isReleased) return;
    if (isOurs === false) over.abort(new OperationalError("run.fenced", "another attempt holds this submission"));
    else renewIn(isOurs === null ? againMs : prepareMs / 2);
  };
  const renewIn = (ms: number) => {
    timer = setTimeout(() => void renew(), Math.max(ms, 0));
  };
  renewIn(heldMs / 2);

  return {
    signal: over.signal,
    release() {
      isReleased = true;
      clearTimeout(timer);
    },
  };
}

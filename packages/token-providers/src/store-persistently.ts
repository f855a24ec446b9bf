import { setTimeout as pause } from "node:timers/promises";

const firstPauseMs = 100;
const pauseMsMax = 2_000;

/**
 * Tries until it is stored or the time is over: a provider's answer cannot be asked for again.
 *
 * @throws the last failure
 */
export async function storePersistently<Result>(
  store: (options: { signal: AbortSignal }) => Promise<Result>,
  { msMax }: { msMax: number },
): Promise<Result> {
  const signal = AbortSignal.timeout(msMax);
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
    try {
      return await store({ signal });
    } catch (error) {
      if (signal.aborted) throw error;
      await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

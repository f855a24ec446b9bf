/** One pass. Answers how many milliseconds to wait for the next one. `signal` aborts when the loop must end. */
export type LoopPass = (signal: AbortSignal) => Promise<number>;

export type LoopOptions = {
  readonly onError: (error: unknown) => void;
  /** Ends the loop as `close` does. */
  readonly stopping?: AbortSignal;
  /** After a pass that threw: doubled from `first` to `max`, in milliseconds, with up to half of it taken off at random. */
  readonly backoff?: { readonly firstMs: number; readonly maxMs: number };
};

export type Loop = {
  /** There is something to do: the next pass begins at once, or right after the one that runs. Not before a backoff ends. */
  wake(): void;
  /** Begins no further pass and waits for the running one, whose signal aborts. */
  close(): Promise<void>;
};

const waitMsMax = 2 ** 31 - 1; // a longer timer fires at once

/** Runs one pass after the other, never two at a time, and survives what they throw. */
export function startLoop(pass: LoopPass, options: LoopOptions): Loop {
  const { onError, stopping, backoff = { firstMs: 250, maxMs: 30_000 } } = options;
  const stop = new AbortController();
  const signal = stopping ? AbortSignal.any([stop.signal, stopping]) : stop.signal;
  let woken = Promise.withResolvers<void>();
  let failures = 0;

  const run = async () => {
    while (!signal.aborted) {
      woken = Promise.withResolvers(); // a call of `wake` from here on is for the next pass
      try {
        const waitMs = await pass(signal);
        failures = 0;
        await pause(waitMs, signal, woken.promise);
      } catch (error) {
        if (!signal.aborted) onError(error); // what a pass throws when it is told to end is no news
        failures += 1;
        await pause(backoffMs(backoff, failures), signal);
      }
    }
  };
  const ended = run();
  return {
    wake: () => woken.resolve(),
    async close() {
      stop.abort();
      await ended;
    },
  };
}

/** Passes of many processes that failed together do not come back together. */
function backoffMs({ firstMs, maxMs }: { firstMs: number; maxMs: number }, failures: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return full * (1 - Math.random() / 2);
}

/** Ends after `ms`, when woken, or when the signal aborts. Leaves no timer and no listener behind. */
async function pause(ms: number, signal: AbortSignal, woken?: Promise<void>): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(Math.max(ms, 0), waitMsMax));
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await Promise.race(woken ? [promise, woken] : [promise]);
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
}

/** Counts the time one command has waited for the server, and stands while the caller works. */
export type CommandClock = {
  start(): void;
  pause(): void;
  /** It never expires after this. */
  stop(): void;
};

/** `onExpired` runs once `budgetMs` of waiting are used up: an absolute end, however steadily bytes trickle in. */
export function createCommandClock(budgetMs: number, onExpired: () => void): CommandClock {
  let waitedMs = 0;
  let waitingSince: number | undefined;
  // One timer for the whole command, however often the clock stands: it looks again when it comes too early.
  const look = () => {
    const leftMs = budgetMs - waitedMs - (waitingSince === undefined ? 0 : performance.now() - waitingSince);
    if (leftMs <= 0) onExpired();
    else timer = setTimeout(look, Math.max(leftMs, 10)); // a standing clock with little left must not spin
  };
  let timer = setTimeout(look, budgetMs);
  return {
    start() {
      waitingSince = performance.now();
    },
    pause() {
      if (waitingSince !== undefined) waitedMs += performance.now() - waitingSince;
      waitingSince = undefined;
    },
    stop: () => clearTimeout(timer),
  };
}

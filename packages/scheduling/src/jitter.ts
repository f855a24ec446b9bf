/** Answers a number from 0 up to, not including, 1. `Math.random` in production. */
export type Random = () => number;

/** Evenly spread over `[fromMs, toMs]`, in whole milliseconds. */
export function between(fromMs: number, toMs: number, random: Random): number {
  return Math.round(fromMs + (toMs - fromMs) * random());
}

/** `firstMs`, then twice as much each step, never above `mostMs`. Safe for any step: no overflow reaches the caller. */
export function doubling(firstMs: number, step: number, mostMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(0, step), mostMs);
}

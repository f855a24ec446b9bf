/** The smallest value that at least this part (0 to 1) of the values does not exceed: the nearest rank. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (found === undefined) throw new Error("a percentile needs a value");
  return found;
}

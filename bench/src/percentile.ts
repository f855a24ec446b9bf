/** The value that `part` of them (0.99) do not exceed. */
export function percentile(values: ArrayLike<number>, part: number): number {
  const sorted = Float64Array.from(values).sort();
  const value = sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
  if (value === undefined) throw new Error("a percentile needs a value");
  return value;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

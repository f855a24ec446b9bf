import { UsageError } from "./bench.ts";

/** @throws UsageError where it is no whole number from 1 */
export function countOption(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`${name} is a number from 1`);
  return number;
}

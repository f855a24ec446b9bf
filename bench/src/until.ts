import { setTimeout as wait } from "node:timers/promises";
import { VerificationError } from "./bench.ts";

const givenUpAfterMs = 60_000;

/** @throws VerificationError when it is not so within a minute, naming what was missing */
export async function until(what: string, signal: AbortSignal, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + givenUpAfterMs;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new VerificationError(`waited ${givenUpAfterMs} ms for ${what}`);
    await wait(50, undefined, { signal });
  }
}

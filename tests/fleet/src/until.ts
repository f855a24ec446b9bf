import { setTimeout as pause } from "node:timers/promises";

/** Looks again and again until there is an answer, and says what was missing when there is none in time. */
export async function until<Answer>(
  what: string,
  look: () => Promise<Answer | null | false>,
  msMax = 30_000,
): Promise<Answer> {
  const deadline = performance.now() + msMax;
  for (;;) {
    const answer = await look();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${msMax} ms for ${what}`);
    await pause(20);
  }
}

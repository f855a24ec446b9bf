import { fileURLToPath } from "node:url";
import type { App } from "@mailfleet/testkit/fleet";

/** A place in the fleet's source where one process ends or freezes while it runs past it. */
export type Point = {
  /** Below the repository, such as `apps/poll-worker/src/store-page.ts`. */
  readonly file: string;
  /** Text that stands exactly once in that file: the place is right before it. */
  readonly before: string;
  /** At which passing, once the point is armed: 1 is the first. */
  readonly hit: number;
  /** `SIGKILL` without it. */
  readonly signal?: "SIGKILL" | "SIGSTOP";
  /** Counts from the process's start; otherwise `arm` says from when. */
  readonly armed?: boolean;
  /** Not at the place itself but one turn of the event loop later, while what it began is under way. */
  readonly soon?: boolean;
};

/** What is replaced in a file of one process while it is loaded. `find` stands exactly once in it. */
export type Rewrite = { readonly file: string; readonly find: string; readonly replace: string };

/** What the preload is told. */
export type Interference = { readonly rewrites: readonly Rewrite[]; readonly point: Point | null };

export const interferenceVariable = "MAILFLEET_TEST_INTERFERENCE";

/** What a process must be started with to be interfered with. Its point is armed by SIGUSR2, see `interfere.ts`. */
export function startedWith(point: Point | null, rewrites: readonly Rewrite[] = []) {
  if (point === null && rewrites.length === 0) return { env: {}, nodeArgs: [] };
  const interference: Interference = { point, rewrites };
  return {
    env: { [interferenceVariable]: JSON.stringify(interference) },
    nodeArgs: ["--import", fileURLToPath(new URL("interfere.ts", import.meta.url))],
  };
}

/** From here on its point counts. */
export async function arm(app: App): Promise<void> {
  app.signal("SIGUSR2");
  await app.waitFor(({ event }) => event === "point.armed");
}

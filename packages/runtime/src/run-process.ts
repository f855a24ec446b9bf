import { constants } from "node:os";
import { ConfigurationError } from "./configuration-error.ts";

export type Closable = { close(): Promise<unknown> };

export type Process = {
  /** Aborts on the first SIGTERM or SIGINT, and when building has failed. */
  readonly stopping: AbortSignal;
  /** Registers something to close. Closed in reverse order, so what was built last stops first. */
  own<Resource extends Closable>(resource: Resource): Resource;
};

export type ProcessOptions = {
  /** From the signal to the hard exit. Below what the platform grants, or the platform does it silently. */
  readonly drainMsMax: number;
};

const signals = ["SIGTERM", "SIGINT"] as const;

/**
 * Runs one process from start to a clean end: build, wait for a signal, close in reverse.
 *
 * The process ends by running out of work, not by `process.exit()`, so the last log lines get out. The deadline is the
 * exception, and it is loud. A second signal ends it at once. Exit codes: 0 drained; 1 failed while building or
 * closing, or still busy at the deadline; 2 the configuration is wrong, and only its report was printed; 128 and the
 * signal's number after a second one.
 */
export async function runProcess(options: ProcessOptions, build: (process: Process) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const owned: Closable[] = [];
  const own = <Resource extends Closable>(resource: Resource) => {
    owned.push(resource);
    return resource;
  };
  for (const name of signals) {
    process.on(name, () => {
      // Not left to the system, which spares process 1 of a container.
      if (stop.signal.aborted) process.exit(128 + constants.signals[name]);
      stop.abort();
    });
  }
  const stopped = whenAborted(stop.signal);
  stopped.then(() => startDeadline(options.drainMsMax));

  // Signal handlers alone do not keep a process alive: it would end, with code 13, when nothing else does.
  const alive = setInterval(() => undefined, 2 ** 30);
  const failures: unknown[] = [];
  try {
    await build({ stopping: stop.signal, own });
    await stopped;
  } catch (error) {
    failures.push(error);
  }
  stop.abort(); // a failed build must not look ready while it is taken down

  for (const resource of owned.toReversed()) {
    await closed(resource).catch((error: unknown) => failures.push(error));
  }
  clearInterval(alive);
  report(failures);
}

/** Does not keep the process alive, and is never cleared: something left open must not hold it for ever. */
function startDeadline(drainMsMax: number): void {
  setTimeout(() => {
    console.error(`still busy ${drainMsMax} ms after it was told to stop, exiting hard`);
    process.exit(1);
  }, drainMsMax).unref();
}

/** A `close` that throws instead of rejecting must not keep the others open. */
async function closed(resource: Closable): Promise<void> {
  await resource.close();
}

function report(failures: readonly unknown[]): void {
  const [first] = failures;
  if (failures.length === 0) return;
  if (failures.length === 1 && first instanceof ConfigurationError) {
    console.error(first.message);
    process.exitCode = 2;
    return;
  }
  console.error(failures.length === 1 ? first : new AggregateError(failures, "the process ended with failures"));
  process.exitCode = 1;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

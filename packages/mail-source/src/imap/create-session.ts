import { OperationalError } from "@mailfleet/domain";
import { ImapFlow, type ImapFlowOptions } from "imapflow";
import { clientOptions } from "./client-options.ts";
import { type CommandClock, createCommandClock } from "./command-clock.ts";
import type { ImapLimits } from "./limits.ts";
import { toOperationalError } from "./to-operational-error.ts";

/** One imapflow client, with a deadline and a reason for each end it can come to. */
export type Session = {
  readonly client: ImapFlow;
  /**
   * Runs one command. Abort and deadline (`commandMs` without a budget) destroy the connection: an IMAP command cannot
   * be taken back.
   */
  run<T>(during: string, options: CommandOptions, command: () => Promise<T>): Promise<T>;
  /** For a command that answers bit by bit: its clock stands while the caller works. */
  begin(during: string, options: CommandOptions): RunningCommand;
  /** `interrupt` is called when the next command begins. */
  whileWaiting(interrupt: () => void): void;
  /** What the server said when imapflow itself only returns `false`. */
  refusal(during: string): OperationalError;
  end(): void;
};

export type CommandOptions = { readonly signal: AbortSignal; readonly budgetMs?: number };

export type RunningCommand = {
  readonly clock: CommandClock;
  /** Why it really failed: the caller left, the deadline passed, the server throttled, or what the server said. */
  explain(error: unknown): unknown;
  finish(): void;
};

export function createSession(dial: ImapFlowOptions, limits: ImapLimits, now: () => Date): Session {
  let throttledMs: number | undefined;
  let expiredMs: number | undefined;
  let refused: unknown;
  let broken: unknown;
  let running: string | undefined;
  let interrupt: (() => void) | undefined;

  const events = {
    throttled(waitMs: number) {
      throttledMs ??= waitMs; // we leave, and come back in time
      setImmediate(() => client.close());
    },
    refused(error: unknown) {
      refused = error;
    },
  };
  const client = new ImapFlow({ ...clientOptions(limits, events), ...dial });
  // The command that met a broken connection only learns that it is gone; why, this event says.
  client.on("error", (error) => {
    broken = error;
  });
  skipList(client);

  function explain(error: unknown, during: string, signal: AbortSignal): unknown {
    if (isBug(error)) return error;
    if (throttledMs !== undefined) {
      return toOperationalError({ code: "ETHROTTLE", throttleReset: throttledMs }, { during, now });
    }
    if (signal.aborted) return signal.reason;
    if (expiredMs !== undefined) {
      return new OperationalError("provider.unavailable", `imap ${during}: no answer within ${expiredMs} ms`);
    }
    return toOperationalError(broken ?? error, { during, now });
  }

  function begin(during: string, { signal, budgetMs = limits.commandMs }: CommandOptions): RunningCommand {
    signal.throwIfAborted();
    if (running !== undefined)
      throw new Error(`imap ${during} inside the loop of ${running}: it would wait for itself`);
    running = during;
    refused = undefined;
    interrupt?.();
    interrupt = undefined;
    const clock = createCommandClock(budgetMs, () => {
      expiredMs = budgetMs;
      client.close();
    });
    const onAbort = () => client.close();
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      clock,
      explain: (error) => explain(error, during, signal),
      finish() {
        clock.stop();
        signal.removeEventListener("abort", onAbort);
        running = undefined;
      },
    };
  }

  return {
    client,
    begin,
    async run(during, options, command) {
      const { clock, explain, finish } = begin(during, options);
      clock.start();
      try {
        return await command();
      } catch (error) {
        throw explain(error);
      } finally {
        finish();
      }
    },
    whileWaiting(told) {
      interrupt = told;
    },
    refusal: (during) => toOperationalError(refused, { during, now }),
    end: () => client.close(),
  };
}

/**
 * Before a folder's first EXAMINE imapflow asks LIST for its delimiter and flags, which nobody here reads. INBOX needs
 * no prefix and always exists (RFC 9051 §5.1), so it is entered as known. Should a later imapflow keep its folders
 * elsewhere, this costs a round trip again and nothing else.
 */
function skipList(client: ImapFlow): void {
  const folders: unknown = Reflect.get(client, "folders");
  if (folders instanceof Map) folders.set("INBOX", { path: "INBOX" });
}

/** Ours or the library's mistake, not the server's doing: it keeps its stack. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

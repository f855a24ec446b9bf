import { OperationalError } from "@mailfleet/domain";
import { ImapFlow, type ImapFlowOptions } from "imapflow";
import type { ImapLimits } from "./limits.ts";
import { toOperationalError } from "./to-operational-error.ts";

/** One imapflow client, with a deadline and a reason for each end it can come to. */
export type Session = {
  readonly client: ImapFlow;
  /** Runs one command within its deadline. Abort and deadline destroy the connection: an IMAP command cannot be taken back. */
  run<T>(during: string, options: { signal: AbortSignal; budgetMs?: number }, command: () => Promise<T>): Promise<T>;
  /** For a command that answers bit by bit: its clock stands while the caller works. */
  begin(during: string, options: { signal: AbortSignal }): CommandClock;
  /** What the server said when imapflow itself only returns `false`. */
  refusal(during: string): OperationalError;
  end(): void;
};

export type CommandClock = {
  start(): void;
  pause(): void;
  finish(): void;
  explain(error: unknown): unknown;
};

type Ending = { kind: "expired"; afterMs: number } | { kind: "throttled"; waitMs: number };

export function createSession(options: ImapFlowOptions, limits: ImapLimits, now: () => Date): Session {
  let ending: Ending | undefined;
  let refused: unknown;
  let busyWith: string | undefined;

  const client = new ImapFlow({
    ...options,
    // Without it imapflow goes into IDLE by itself after fifteen quiet seconds.
    disableAutoIdle: true,
    // Saves a round trip, and the MODSEQ of every message; HIGHESTMODSEQ comes without asking (RFC 7162 §3.1.2.1).
    disableAutoEnable: true,
    // A small compressed answer may be gigabytes.
    disableCompression: true,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.connectMs,
    // The deadlines are ours; imapflow's watchdog would also close a connection that merely waits for its next poll.
    socketTimeout: 3_600_000,
    maxLiteralSize: limits.literalBytesMax,
    maxResponseSize: limits.literalBytesMax + limits.lineBytesMax,
    maxLineLength: limits.lineBytesMax,
    maxResponseTokens: limits.tokensMax,
    clientInfo: { name: "mailfleet", version: false, vendor: false, "support-url": false },
    logger: listenTo({
      // imapflow sits out a throttling hint inside the command, up to five minutes. We leave, and come back in time.
      throttled(waitMs) {
        ending ??= { kind: "throttled", waitMs };
        setImmediate(() => client.close());
      },
      refused: (error) => {
        refused = error;
      },
    }),
  });
  // Every failure also rejects the command that met it; an `error` event without a listener would end the process.
  client.on("error", () => {});
  skipList(client);

  const expire = (afterMs: number) => {
    ending ??= { kind: "expired", afterMs };
    client.close();
  };

  function explain(error: unknown, during: string, signal: AbortSignal): unknown {
    if (isBug(error)) return error;
    if (ending?.kind === "throttled") {
      return toOperationalError({ code: "ETHROTTLE", throttleReset: ending.waitMs }, { during, now });
    }
    if (signal.aborted) return signal.reason;
    if (ending?.kind === "expired") {
      return new OperationalError("provider.unavailable", `imap ${during}: no answer within ${ending.afterMs} ms`);
    }
    return toOperationalError(error, { during, now });
  }

  function begin(during: string, { signal }: { signal: AbortSignal }, budgetMs = limits.commandMs): CommandClock {
    signal.throwIfAborted();
    if (busyWith !== undefined) throw new Error(`imap ${during} inside the loop of ${busyWith}: it would wait for itself`);
    busyWith = during;
    refused = undefined;
    let waitedMs = 0;
    let waitingSince: number | undefined;
    // One timer for the whole command, however often its clock stops: it looks again when it comes too early.
    const look = () => {
      const leftMs = budgetMs - waitedMs - (waitingSince === undefined ? 0 : performance.now() - waitingSince);
      if (leftMs <= 0) expire(budgetMs);
      else timer = setTimeout(look, Math.max(leftMs, 10)); // a standing clock with little left must not spin
    };
    let timer = setTimeout(look, budgetMs);
    const onAbort = () => client.close();
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      start() {
        waitingSince = performance.now();
      },
      pause() {
        if (waitingSince !== undefined) waitedMs += performance.now() - waitingSince;
        waitingSince = undefined;
      },
      finish() {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        busyWith = undefined;
      },
      explain: (error) => explain(error, during, signal),
    };
  }

  return {
    client,
    begin,
    async run(during, options, command) {
      const clock = begin(during, options, options.budgetMs);
      clock.start();
      try {
        return await command();
      } catch (error) {
        throw clock.explain(error);
      } finally {
        clock.finish();
      }
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

/** imapflow's log is the only place that tells of a throttling before it is over, and of a refusal it turns into `false`. */
function listenTo(on: { throttled(waitMs: number): void; refused(error: unknown): void }) {
  const ignore = () => {};
  return {
    debug: ignore,
    info: ignore,
    error: ignore,
    fatal: ignore,
    warn(entry: { throttleDelay?: unknown; err?: { responseStatus?: unknown } }) {
      if (typeof entry.throttleDelay === "number") on.throttled(entry.throttleDelay);
      else if (typeof entry.err?.responseStatus === "string") on.refused(entry.err);
    },
    /** Keeps it from writing every response into a string that nobody reads. */
    isLevelEnabled: (level: string) => level === "warn",
  };
}

/** Ours or the library's mistake, not the server's doing: it keeps its stack. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

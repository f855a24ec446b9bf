import type { ImapFlowOptions } from "imapflow";
import type { ImapLimits } from "./limits.ts";

export type ClientEvents = {
  /** imapflow sits out a throttling hint inside the command, up to five minutes. */
  throttled(waitMs: number): void;
  /** A command the server refused; imapflow turns some of them into a bare `false`. */
  refused(error: unknown): void;
};

/** What every client of ours has in common. imapflow's defaults serve a mail program that trusts its server. */
export function clientOptions(limits: ImapLimits, on: ClientEvents): ImapFlowOptions {
  return {
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
    logger: listenTo(on),
  };
}

/** imapflow's log is the only place that tells of a throttling before it is over, and of a refusal it swallows. */
function listenTo(on: ClientEvents) {
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

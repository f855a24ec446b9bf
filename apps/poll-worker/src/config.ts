import {
  classifierConfig,
  classifierVariables,
  freshnessVariables,
  readEnvironment,
  workerConfig,
  workerEnvironment,
} from "@mailfleet/runtime";
import { z } from "zod";

export const Environment = workerEnvironment({
  ...classifierVariables,
  POLL_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(50).meta({
    description: "Polls at once in this process that log in first.",
  }),
  POLL_READING_MAX: z.coerce.number().int().min(1).max(2_000).default(50).meta({
    description: "So many polls read messages at once; tenants take turns. Each holds a page of up to 16 MB.",
  }),
  POLL_RUN_MS: z.coerce.number().int().min(1_000).max(600_000).default(60_000).meta({
    description:
      "How long, in ms, a poll holds its mailbox without a heartbeat. A killed worker's mailboxes wait this long.",
  }),
  POLL_INTERVAL_MS_MIN: z.coerce.number().int().min(100).max(3_600_000).default(15_000).meta({
    description: "No two polls of a mailbox are closer than this, in ms.",
  }),
  ...freshnessVariables,
  POLL_PAGE_MESSAGES: z.coerce.number().int().min(1).max(1_000).default(100).meta({
    description: "How many messages are stored in one transaction.",
  }),
  POLL_MESSAGES_MAX: z.coerce.number().int().min(1).max(1_000_000).default(5_000).meta({
    description: "After so many messages a poll gives its place to others and its mailbox is due again at once.",
  }),
  POLL_BYTES_MAX: z.coerce.number().int().min(1_000).max(10_000_000_000).default(128_000_000).meta({
    description: "The same, in bytes of messages.",
  }),
  POLL_DAY_BYTES_MAX: z.coerce.number().int().min(1_000_000).max(1_000_000_000_000).default(4_000_000_000).meta({
    description: "So many bytes of one mailbox are read a day (UTC). At Google never more than 1,000 MB.",
  }),
  POLL_BUDGET_MS: z.coerce.number().int().min(100).max(600_000).default(20_000).meta({
    description: "The same, in ms of reading.",
  }),
  WARM_CONNECTIONS_MAX: z.coerce.number().int().min(0).max(100_000).default(5_000).meta({
    description: "Connections this process keeps open between polls, waiting for news. 0: none, everything is polled.",
  }),
  WARM_CONCURRENCY: z.coerce.number().int().min(1).max(2_000).default(200).meta({
    description:
      "Polls at once of mailboxes whose connection this process keeps. Most are one command that finds nothing.",
  }),
  WARM_MEMORY_MB_MAX: z.coerce.number().int().min(1).max(65_536).default(512).meta({
    description: "Memory those connections may take, in MB, at 0.1 MB each.",
  }),
  WARM_AGE_MS_MAX: z.coerce.number().int().min(1_000).max(86_400_000).default(14_400_000).meta({
    description: "A connection is replaced at this age, in ms, or when its token ends.",
  }),
});

/** Flat names outside, one shape per component inside. */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const env = readEnvironment(Environment, environment);
  return {
    ...workerConfig(env, "poll-worker"),
    classifier: classifierConfig(env),
    polling: {
      concurrency: env.POLL_CONCURRENCY,
      readingMax: env.POLL_READING_MAX,
      runMs: env.POLL_RUN_MS,
      bounds: { intervalMsMin: env.POLL_INTERVAL_MS_MIN, freshnessMs: env.POLL_FRESHNESS_MS },
      pageMessagesMax: env.POLL_PAGE_MESSAGES,
      dayBytesMax: env.POLL_DAY_BYTES_MAX,
      budget: { messagesMax: env.POLL_MESSAGES_MAX, bytesMax: env.POLL_BYTES_MAX, msMax: env.POLL_BUDGET_MS },
    },
    warm: {
      concurrency: env.WARM_CONCURRENCY,
      countMax: Math.min(env.WARM_CONNECTIONS_MAX, env.WARM_MEMORY_MB_MAX * 10),
      ageMsMax: env.WARM_AGE_MS_MAX,
    },
  };
}

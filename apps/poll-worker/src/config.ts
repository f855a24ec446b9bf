import {
  classifierConfig,
  classifierVariables,
  readEnvironment,
  workerConfig,
  workerEnvironment,
} from "@mailfleet/runtime";
import { z } from "zod";

export const Environment = workerEnvironment({
  ...classifierVariables,
  POLL_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(50).meta({
    description: "Polls at once in this process.",
  }),
  POLL_RUN_MS: z.coerce.number().int().min(1_000).max(600_000).default(60_000).meta({
    description:
      "How long, in ms, a poll holds its mailbox without a heartbeat. A killed worker's mailboxes wait this long.",
  }),
  POLL_INTERVAL_MS_MIN: z.coerce.number().int().min(100).max(3_600_000).default(15_000).meta({
    description: "No two polls of a mailbox are closer than this, in ms.",
  }),
  POLL_FRESHNESS_MS: z.coerce.number().int().min(1_000).max(86_400_000).default(300_000).meta({
    description: "A quiet mailbox is looked at twice in this time, in ms.",
  }),
  POLL_PAGE_MESSAGES: z.coerce.number().int().min(1).max(1_000).default(100).meta({
    description: "How many messages are stored in one transaction.",
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
      runMs: env.POLL_RUN_MS,
      bounds: { intervalMsMin: env.POLL_INTERVAL_MS_MIN, freshnessMs: env.POLL_FRESHNESS_MS },
      pageMessagesMax: env.POLL_PAGE_MESSAGES,
    },
  };
}

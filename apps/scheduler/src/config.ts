import {
  databaseVariables,
  freshnessVariables,
  healthVariables,
  logLevel,
  queueVariables,
  readEnvironment,
} from "@mailfleet/runtime";
import { z } from "zod";

export const Environment = z.object({
  ...databaseVariables,
  ...queueVariables,
  SCHEDULER_WINDOW: z.coerce.number().int().min(1).max(100_000).default(200).meta({
    description:
      "How many jobs of one kind may wait in the queue at first; then what its workers take in 100 ms, at most 20 times this.",
  }),
  SCHEDULER_QUANTUM: z.coerce.number().int().min(1).max(10_000).default(2).meta({
    description: "The least number of rows a tenant gets in its turn, times its weight.",
  }),
  SCHEDULER_CLAIM_MS: z.coerce.number().int().min(1_000).max(600_000).default(20_000).meta({
    description: "After this long, in ms, a job that no worker has started is offered again.",
  }),
  ...freshnessVariables,
  ...healthVariables,
  LOG_LEVEL: logLevel,
});

/** Flat names outside, one shape per component inside. */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const env = readEnvironment(Environment, environment);
  return {
    database: { url: env.DATABASE_URL.reveal(), poolSizeMax: 4, applicationName: "scheduler" },
    queue: { url: (env.QUEUE_URL ?? env.DATABASE_URL).reveal() },
    dispatch: { window: env.SCHEDULER_WINDOW, quantum: env.SCHEDULER_QUANTUM, claimMs: env.SCHEDULER_CLAIM_MS },
    freshnessMs: env.POLL_FRESHNESS_MS,
    health: { host: env.HEALTH_HOST, port: env.HEALTH_PORT },
    logLevel: env.LOG_LEVEL,
  };
}

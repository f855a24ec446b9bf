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
  SEND_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(100).meta({
    description:
      "Deliveries at once in this process: several times what one tenant may have in flight, whose server may hang.",
  }),
  SEND_ACCEPT_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(4).meta({
    description: "Plain send jobs accepted at once in this process.",
  }),
  SEND_PREPARE_MS: z.coerce.number().int().min(1_000).max(600_000).default(60_000).meta({
    description:
      "How long, in ms, a worker holds a submission until it begins to transmit. A killed worker's wait this long.",
  }),
  SEND_TRANSMIT_MS: z.coerce.number().int().min(1_000).max(3_600_000).default(900_000).meta({
    description:
      "After this long, in ms, a transmission nobody reported on is uncertain. Servers may take 10 minutes to answer.",
  }),
  SEND_RECONCILE_MS: z.coerce.number().int().min(1_000).max(86_400_000).default(600_000).meta({
    description:
      "For how long, in ms, an uncertain submission is looked for in its mailbox's Sent folder before the tenant's policy decides.",
  }),
});

/** Flat names outside, one shape per component inside. */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const env = readEnvironment(Environment, environment);
  return {
    ...workerConfig(env, "send-worker"),
    accepting: { concurrency: env.SEND_ACCEPT_CONCURRENCY },
    classifier: classifierConfig(env),
    sending: { concurrency: env.SEND_CONCURRENCY, prepareMs: env.SEND_PREPARE_MS, transmitMs: env.SEND_TRANSMIT_MS },
    reconciling: { spanMs: env.SEND_RECONCILE_MS, runMs: env.SEND_PREPARE_MS, concurrency: 5 },
  };
}

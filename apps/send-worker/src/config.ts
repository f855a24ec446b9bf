import { readFileSync } from "node:fs";
import {
  blobVariables,
  chooseKey,
  databaseVariables,
  healthVariables,
  keyVariables,
  logLevel,
  networkVariables,
  queueVariables,
  readEnvironment,
} from "@mailfleet/runtime";
import { z } from "zod";

export const Environment = z.object({
  ...databaseVariables,
  ...queueVariables,
  ...keyVariables,
  ...blobVariables,
  ...networkVariables,
  SEND_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(20)
    .meta({ description: "Deliveries at once in this process." }),
  SEND_PREPARE_MS: z.coerce.number().int().min(1_000).max(600_000).default(60_000).meta({
    description:
      "How long, in ms, a worker holds a submission until it begins to transmit. A killed worker's wait this long.",
  }),
  SEND_TRANSMIT_MS: z.coerce.number().int().min(1_000).max(3_600_000).default(900_000).meta({
    description:
      "After this long, in ms, a transmission nobody reported on is uncertain. Servers may take 10 minutes to answer.",
  }),
  ...healthVariables,
  LOG_LEVEL: logLevel,
});

/** Flat names outside, one shape per component inside. Rules that span two names live here. */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const env = readEnvironment(Environment, environment);
  return {
    database: { url: env.DATABASE_URL.reveal(), poolSizeMax: 10, applicationName: "send-worker" },
    queue: { url: (env.QUEUE_URL ?? env.DATABASE_URL).reveal() },
    key: chooseKey(env),
    vault: { cacheSizeMax: 10_000, cacheTtlMs: 300_000 },
    blobRoot: env.BLOB_ROOT,
    network: { allowPrivate: env.NETWORK_ALLOW_PRIVATE },
    tls: env.TLS_CA_FILE === undefined ? {} : { caPem: readFileSync(env.TLS_CA_FILE, "utf8") },
    sending: { concurrency: env.SEND_CONCURRENCY, prepareMs: env.SEND_PREPARE_MS, transmitMs: env.SEND_TRANSMIT_MS },
    health: { host: env.HEALTH_HOST, port: env.HEALTH_PORT },
    logLevel: env.LOG_LEVEL,
  };
}

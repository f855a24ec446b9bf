import { logLevel, readCidrs, readEnvironment, secret } from "@mailfleet/runtime";
import { z } from "zod";

export const Environment = z.object({
  DATABASE_URL: secret(z.url()).meta({ secret: true, description: "PostgreSQL 15 or newer, which holds every fact." }),
  QUEUE_URL: secret(z.url()).optional().meta({
    secret: true,
    description: "redis://, rediss:// or postgres://, which hands work over. Unset: DATABASE_URL.",
  }),
  KMS_LOCAL_KEY_FILE: z.string().optional().meta({ description: "File of the local wrapping key. Or KMS_KEY_ARN." }),
  KMS_KEY_ARN: z.string().optional().meta({ description: "AWS KMS key that wraps tenants' data keys." }),
  KMS_ENDPOINT: z.url().optional().meta({ description: "Another endpoint of AWS KMS." }),
  BLOB_ROOT: z.string().meta({ description: "Folder of the blob store, shared by all workers." }),
  NETWORK_ALLOW_PRIVATE: readCidrs.default([]).meta({
    description: "CIDRs, separated by commas, that mail servers may lie in although they are not public.",
  }),
  TLS_CA_FILE: z.string().optional().meta({ description: "PEM file of an authority that mail servers' certificates may also come from." }),
  POLL_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(50).meta({ description: "Polls at once in this process." }),
  POLL_RUN_MS: z.coerce.number().int().min(1_000).max(600_000).default(60_000).meta({
    description: "How long, in ms, a poll holds its mailbox without a heartbeat. A killed worker's mailboxes wait this long.",
  }),
  POLL_INTERVAL_MS_MIN: z.coerce.number().int().min(100).default(15_000).meta({ description: "Between two polls of a busy mailbox, in ms." }),
  POLL_FRESHNESS_MS: z.coerce.number().int().min(1_000).default(300_000).meta({
    description: "A quiet mailbox is still looked at twice in this time, in ms.",
  }),
  POLL_PAGE_MESSAGES: z.coerce.number().int().min(1).max(1_000).default(100).meta({ description: "Messages stored in one transaction." }),
  HEALTH_HOST: z.string().default("127.0.0.1").meta({ description: "Where /livez, /readyz and /metrics are served." }),
  HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).optional().meta({ description: "Unset: not served. 0: a free port." }),
  LOG_LEVEL: logLevel,
});

export type PollWorkerConfig = ReturnType<typeof readConfig>;

/** Flat names outside, one shape per component inside. Rules that span two names live here. */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const env = readEnvironment(Environment, environment);
  return {
    database: { url: env.DATABASE_URL.reveal(), poolSizeMax: 10, applicationName: "poll-worker" },
    queue: { url: (env.QUEUE_URL ?? env.DATABASE_URL).reveal() },
    keys: { localKeyFile: env.KMS_LOCAL_KEY_FILE, keyArn: env.KMS_KEY_ARN, endpoint: env.KMS_ENDPOINT },
    blobRoot: env.BLOB_ROOT,
    network: { allowPrivate: env.NETWORK_ALLOW_PRIVATE, caFile: env.TLS_CA_FILE },
    polling: {
      concurrency: env.POLL_CONCURRENCY,
      runMs: env.POLL_RUN_MS,
      bounds: { intervalMsMin: env.POLL_INTERVAL_MS_MIN, freshnessMs: env.POLL_FRESHNESS_MS },
      pageMessagesMax: env.POLL_PAGE_MESSAGES,
    },
    health: { host: env.HEALTH_HOST, port: env.HEALTH_PORT },
    logLevel: env.LOG_LEVEL,
  };
}

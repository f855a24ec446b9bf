import { readFileSync } from "node:fs";
import { z } from "zod";
import { ConfigurationError } from "./configuration-error.ts";
import { logLevels } from "./create-log.ts";
import { cidrList } from "./network/parse-cidrs.ts";
import { secret } from "./secret-schema.ts";

/** Variables that several processes share, so that one name means one thing everywhere. */

export const databaseVariables = {
  DATABASE_URL: secret(z.url({ protocol: /^postgres(ql)?$/ })).meta({
    description: "PostgreSQL 15 or newer, which holds every fact.",
  }),
};

export const queueVariables = {
  QUEUE_URL: secret(z.url({ protocol: /^(rediss?|postgres(ql)?)$/ }))
    .optional()
    .meta({
      description: "redis://, rediss:// or postgres://, which hands work over. Unset: DATABASE_URL.",
    }),
};

export const keyVariables = {
  KMS_LOCAL_KEY_FILE: z
    .string()
    .optional()
    .meta({ description: "File of the local key that wraps data keys. Either this or KMS_KEY_ID." }),
  KMS_ALSO_LOCAL_KEY_FILES: z.string().optional().meta({
    description:
      "Key files, separated by commas, that data keys may still be wrapped with: for `mailfleet vault rewrap`.",
  }),
  KMS_KEY_ID: z.string().optional().meta({ description: "AWS KMS key (id, ARN or alias) that wraps data keys." }),
  KMS_REGION: z.string().optional().meta({ description: "AWS region of KMS_KEY_ID." }),
  KMS_ENDPOINT: z.url().optional().meta({ description: "Another endpoint of AWS KMS, such as a VPC endpoint." }),
};

export const blobVariables = {
  BLOB_ROOT: z.string().meta({ description: "Folder of the blob store, shared by all processes." }),
};

export const networkVariables = {
  NETWORK_ALLOW_PRIVATE: cidrList().meta({
    description: "CIDRs, separated by commas, that mail servers may lie in although they are not public.",
  }),
  /** Read as what the file holds. */
  TLS_CA_FILE: z
    .string()
    .transform((path, context) => {
      try {
        return readFileSync(path, "utf8");
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "unknown";
        context.addIssue({ code: "custom", message: `names a file that cannot be read (${code})` });
        return z.NEVER;
      }
    })
    .optional()
    .meta({ description: "PEM file of an authority that mail servers' certificates may also come from." }),
};

export const healthVariables = {
  HEALTH_HOST: z.string().default("127.0.0.1").meta({ description: "Where /livez, /readyz and /metrics are served." }),
  HEALTH_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .meta({ description: "Unset: not served. 0: a free port." }),
};

/** Read by who looks and by who watches that it is looked. */
export const freshnessVariables = {
  POLL_FRESHNESS_MS: z.coerce.number().int().min(1_000).max(86_400_000).default(300_000).meta({
    description: "The freshness bound, in ms: every mailbox is really looked at twice in this time, warm or not.",
  }),
};

export const logLevel = z.enum(logLevels).default("info").meta({ description: "The least that is logged." });

type KeyValues = z.output<z.ZodObject<typeof keyVariables>>;

/** Which key wraps data keys, or what is wrong with the choice. */
function readKey(env: KeyValues) {
  const { KMS_LOCAL_KEY_FILE: keyFile, KMS_KEY_ID: keyId, KMS_REGION: region, KMS_ENDPOINT: endpoint } = env;
  const alsoKeyFiles = env.KMS_ALSO_LOCAL_KEY_FILES?.split(",").map((file) => file.trim());
  if (keyFile !== undefined && keyId === undefined) return { kind: "local-key-file", keyFile, alsoKeyFiles } as const;
  if (keyFile !== undefined || keyId === undefined) return "KMS_LOCAL_KEY_FILE, KMS_KEY_ID: set exactly one of them";
  if (region === undefined) return "KMS_REGION: is not set; it is needed with KMS_KEY_ID";
  return { kind: "aws-kms", keyId, region, endpoint, alsoKeyFiles } as const;
}

/** @throws ConfigurationError when not exactly one key is chosen */
export function chooseKey(env: KeyValues) {
  const key = readKey(env);
  if (typeof key === "string") throw new ConfigurationError([key]);
  return key;
}

const workerVariables = {
  ...databaseVariables,
  ...queueVariables,
  ...keyVariables,
  ...blobVariables,
  ...networkVariables,
  ...healthVariables,
  LOG_LEVEL: logLevel,
};

/** The environment of a worker: what all of them read, and what is this one's own. */
export function workerEnvironment<Shape extends z.ZodRawShape>(own: Shape) {
  const fault = (env: unknown) => readKey(env as KeyValues);
  return z.object({ ...workerVariables, ...own }).refine((env) => typeof fault(env) !== "string", {
    when: () => true, // also when another variable is wrong: every fault is told at once
    error: ({ input }) => String(fault(input)),
  });
}

/** What every worker makes of its environment: one shape per part. */
export function workerConfig(env: z.output<z.ZodObject<typeof workerVariables>>, applicationName: string) {
  return {
    database: { url: env.DATABASE_URL.reveal(), poolSizeMax: 10, applicationName },
    queue: { url: (env.QUEUE_URL ?? env.DATABASE_URL).reveal() },
    key: chooseKey(env),
    vault: { cacheSizeMax: 10_000, cacheTtlMs: 300_000 },
    blobRoot: env.BLOB_ROOT,
    network: { allowPrivate: env.NETWORK_ALLOW_PRIVATE },
    tls: env.TLS_CA_FILE === undefined ? {} : { caPem: env.TLS_CA_FILE },
    health: { host: env.HEALTH_HOST, port: env.HEALTH_PORT },
    logLevel: env.LOG_LEVEL,
  };
}

import {
  blobVariables,
  ConfigurationError,
  chooseKey,
  classifierConfig,
  classifierVariables,
  databaseVariables,
  keyVariables,
  networkVariables,
  readEnvironment,
  secretText,
} from "@mailfleet/runtime";
import { z } from "zod";

export const Environment = z.object({
  ...databaseVariables,
  ...keyVariables,
  BLOB_ROOT: blobVariables.BLOB_ROOT.optional(),
  ...networkVariables,
  ...classifierVariables,
  BINDING_ISSUERS_FILE: z.string().optional().meta({
    description: "JSON file of the OpenID Connect issuers whose ID tokens prove whose a mailbox is.",
  }),
  BINDING_DNS_SERVERS: z.string().optional().meta({
    description: "DNS servers (address:port, separated by commas) that are asked for proofs. Unset: the system's.",
  }),
  MAILFLEET_TOKEN: secretText().optional().meta({
    secret: true,
    description: "The actor that the command line acts as: a token from `mailfleet init` or `mailfleet actor create`.",
  }),
});

export type Variables = Readonly<Record<string, string | undefined>>;
export type CliConfig = ReturnType<typeof readConfig>;

/** Where everything that a command reads of its environment comes from. */
export function processEnvironment(): Variables {
  return process.env;
}

/**
 * Flat names outside, one shape per component inside. What only some commands need is asked for when they do.
 *
 * @throws ConfigurationError with every fault at once
 */
export function readConfig(variables: Variables) {
  return toConfig(readEnvironment(Environment, variables));
}

/** For commands that run before there is a token: a file that will hold one need not be there yet. */
export function readConfigWithoutToken(variables: Variables) {
  const { MAILFLEET_TOKEN: _, ...shape } = Environment.shape;
  return toConfig({ ...readEnvironment(z.object(shape), variables), MAILFLEET_TOKEN: undefined });
}

function toConfig(env: z.output<typeof Environment>) {
  return {
    database: { url: env.DATABASE_URL.reveal(), poolSizeMax: 10, applicationName: "cli" },
    token: () => required(env.MAILFLEET_TOKEN, "MAILFLEET_TOKEN: is not set; set it or MAILFLEET_TOKEN_FILE").reveal(),
    key: () => chooseKey(env),
    kms: { endpoint: env.KMS_ENDPOINT },
    vault: { cacheSizeMax: 1_000, cacheTtlMs: 60_000 },
    blobRoot: () => required(env.BLOB_ROOT, "BLOB_ROOT: is not set; expected the folder of the blob store"),
    classifier: () => classifierConfig(env),
    network: { allowPrivate: env.NETWORK_ALLOW_PRIVATE },
    binding: {
      issuersFile: () =>
        required(env.BINDING_ISSUERS_FILE, "BINDING_ISSUERS_FILE: is not set; expected a JSON file of issuers"),
      dnsServers: env.BINDING_DNS_SERVERS?.split(",").map((server) => server.trim()),
    },
    tls: () => (env.TLS_CA_FILE === undefined ? {} : { caPem: env.TLS_CA_FILE }),
  };
}

function required<Value>(value: Value | undefined, fault: string): Value {
  if (value === undefined) throw new ConfigurationError([fault]);
  return value;
}

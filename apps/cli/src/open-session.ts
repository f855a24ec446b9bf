import { openBlobStore } from "@mailfleet/blob-store";
import { type Database, openDatabase } from "@mailfleet/database";
import { type BlobStore, OperationalError } from "@mailfleet/domain";
import {
  type Action,
  type Actor,
  createGate,
  createTokenVerifier,
  type Gate,
  type Grant,
  type ResourceOf,
} from "@mailfleet/gate";
import { ConfigurationError } from "@mailfleet/runtime";
import { createContentKeys, createVault, openKeyManagement, type Vault } from "@mailfleet/vault";
import type { CliConfig } from "./config.ts";

/** One command's hold on the fleet: who acts, and what it acts with. Closed when the command ends. */
export type Session = {
  readonly actor: Actor;
  readonly config: CliConfig;
  readonly database: Database;
  readonly gate: Gate;
  readonly now: () => Date;
  /** Asks the gate as this session's actor. Each thing done asks anew: a grant is good for a minute. */
  authorize<A extends Action>(action: A, resource: ResourceOf<A>): Promise<Grant<A>>;
  /** Opened at its first use: most commands need no key. */
  vault(): Promise<Vault>;
  blobs(): BlobStore<Grant>;
  close(): Promise<void>;
};

/**
 * Opens the database and proves the actor by the token of the environment.
 *
 * @throws ConfigurationError when there is no token
 * @throws OperationalError `gate.denied` when it is not a token of this fleet, `schema.outdated`
 */
export async function openSession(config: CliConfig): Promise<Session> {
  const token = config.token();
  return openWith(config, (database, now) =>
    createTokenVerifier({ publicKeys: () => database.signingKeys.publicKeys(), now }).verify(token),
  );
}

/** The same for an actor that needs no token: the CLI itself, for `init`. */
export async function openSessionAs(config: CliConfig, actor: Actor): Promise<Session> {
  return openWith(config, async () => actor);
}

type ProveActor = (database: Database, now: () => Date) => Promise<Actor>;

async function openWith(config: CliConfig, proveActor: ProveActor): Promise<Session> {
  const now = () => new Date();
  const database = await openDatabase(config.database);
  let vault: Promise<Vault> | undefined;
  try {
    const actor = await proveActor(database, now);
    const vaultOnce = () => (vault ??= openVault(config, database, now));
    const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
    return {
      actor,
      config,
      database,
      gate,
      now,
      authorize: (action, resource) => gate.authorize({ actor, action, resource }),
      vault: vaultOnce,
      blobs: () =>
        openBlobStore({
          root: config.blobRoot(),
          keys: createContentKeys({ derive: async (...request) => (await vaultOnce()).derive(...request) }),
          now,
        }),
      async close() {
        await vault?.then((opened) => opened.close()).catch(() => {}); // one that never opened was reported where it was needed
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openVault(config: CliConfig, database: Database, now: () => Date): Promise<Vault> {
  const choice = config.key();
  const management = await openKeyManagement(choice).catch((error: unknown) => {
    // No service that may be back later, but a file that is not as it must be.
    const isFile = choice.kind === "local-key-file" && error instanceof OperationalError;
    throw isFile ? new ConfigurationError([`KMS_LOCAL_KEY_FILE: ${error.message}`]) : error;
  });
  return createVault({ keys: database.tenantKeys, management, now, ...config.vault });
}

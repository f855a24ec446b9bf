import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ActorId } from "@mailfleet/domain";
import { createSigningKey, issueActorToken } from "@mailfleet/gate";
import { type CliResult, runCli } from "@mailfleet/testkit/fleet";
import type { Fleet } from "./open-fleet.ts";
import { type Point, type Rewrite, startedWith } from "./point.ts";

export type OperatorCli = {
  /** Runs `mailfleet ARGS` as the fleet's operator, in a process of its own. */
  run(args: string, options?: { point?: Point; rewrites?: readonly Rewrite[] }): Promise<CliResult>;
  /** A file for the command to read a secret from. */
  secretFile(secret: string): Promise<string>;
};

/** What `mailfleet init` would have left: a signing key, sealed, and the operator's token in a file. */
export async function openOperatorCli(fleet: Fleet): Promise<OperatorCli> {
  const { gate, operator, vault, database, folder } = fleet;
  const key = await createSigningKey();
  const grant = await gate.authorize({ actor: operator, action: "fleet.sign", resource: {} });
  const binding = { purpose: "signing", record: `signing-key:${key.kid}` } as const;
  const plaintext = Buffer.from(JSON.stringify(key.privateJwk));
  const sealedPrivate = await vault.seal(grant, binding, plaintext, { signal: AbortSignal.timeout(10_000) });
  await database.signingKeys.insert(grant, { kid: key.kid, publicJwk: { ...key.publicJwk }, sealedPrivate });

  const actor = {
    id: ActorId.parse(operator.id),
    kind: "operator",
    tenantId: null,
    actions: null,
    mailboxIds: null,
  } as const;
  const token = await issueActorToken({ key, actor, expiresAt: new Date(Date.now() + 3_600_000) });
  const tokenFile = join(folder, "operator.token");
  await writeFile(tokenFile, token, { mode: 0o600 });

  return {
    async run(args, { point, rewrites = [] } = {}) {
      const { env: added, nodeArgs } = startedWith(point ?? null, rewrites);
      const env = { ...fleet.env, ...added, MAILFLEET_TOKEN_FILE: tokenFile };
      return runCli(args.split(" "), { env, nodeArgs });
    },
    async secretFile(secret) {
      const path = join(folder, `secret-${randomUUID()}`);
      await writeFile(path, secret, { mode: 0o600 });
      return path;
    },
  };
}

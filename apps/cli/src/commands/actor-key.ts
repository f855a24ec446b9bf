import { readFile } from "node:fs/promises";
import { ActorId, OperationalError } from "@mailfleet/domain";
import { readPublicKey } from "@mailfleet/gate";
import type { Command } from "commander";
import { addLeaf, type CommandLine, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { findTenant, missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";

type TenantOptions = Options & { readonly tenant: string };
type AddOptions = TenantOptions & { readonly publicKey: string };

/** Keys with which actors sign send jobs. The private half stays with who signs. */
export function addActorKey(actor: Command, run: CommandLine): void {
  const key = actor.command("key").description("keys with which an actor signs plain send jobs");
  addLeaf(
    key,
    "add <name>",
    "register an actor's public key",
    "actor key add assistant --tenant acme --public-key a.pem",
  )
    .requiredOption("--tenant <key>", "whose actor")
    .requiredOption("--public-key <file>", "an Ed25519 public key in PEM or JWK")
    .action((name: string, options: AddOptions) =>
      run.asActor(options, async (session, print) => {
        const { kid } = await addKey(session, name, options);
        print.one({ kid, actor: name, tenant: options.tenant }, { Key: kid, Actor: name });
      }),
    );
  addLeaf(key, "list", "a tenant's keys", "actor key list --tenant acme")
    .requiredOption("--tenant <key>", "whose")
    .action((options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const tenantId = await findTenant(session, options.tenant, "actor.manage");
        const rows = await session.database.actorKeys.list(await session.authorize("actor.manage", { tenantId }));
        const shown = rows.map(({ kid, actorName, createdAt, revokedAt }) => ({
          kid,
          actorName,
          createdAt,
          revokedAt,
        }));
        print.rows(shown, {
          key: ({ kid }) => kid,
          actor: ({ actorName }) => actorName,
          created: ({ createdAt }) => createdAt,
          revoked: ({ revokedAt }) => revokedAt,
        });
      }),
    );
  addLeaf(key, "revoke <kid>", "refuse what a key signed from now on", "actor key revoke KID --tenant acme")
    .requiredOption("--tenant <key>", "whose")
    .action((kid: string, options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const tenantId = await findTenant(session, options.tenant, "actor.manage");
        const grant = await session.authorize("actor.manage", { tenantId });
        if (!(await session.database.actorKeys.revoke(grant, kid))) throw missing("key");
        print.one({ kid, revoked: true }, { Key: kid, State: "revoked" });
      }),
    );
}

async function addKey(session: Session, name: string, { tenant, publicKey }: AddOptions): Promise<{ kid: string }> {
  const { kid, publicJwk } = await readPublicKey(await readKeyFile(publicKey));
  const tenantId = await findTenant(session, tenant, "actor.manage");
  const { actors, actorKeys } = session.database;
  const rows = await actors.list(await session.authorize("actor.manage", { tenantId }));
  const found = rows.find((row) => row.name === name);
  if (found === undefined) throw missing("actor");
  const grant = await session.authorize("actor.manage", { tenantId, subjectId: found.id });
  if (await actorKeys.add(grant, { kid, actorId: ActorId.parse(found.id), publicJwk })) return { kid };
  throw new OperationalError("resource.conflicting", "this key is registered already");
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new UsageError(`${path} cannot be read (${code})`, "Name a file with a public key, in PEM or JWK.");
  }
}

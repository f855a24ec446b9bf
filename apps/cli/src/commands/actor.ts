import { ActorId, type MailboxId, newId, OperationalError, type TenantId } from "@mailfleet/domain";
import { tenantActions } from "@mailfleet/gate";
import { Option } from "commander";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { findMailbox, findTenant, missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseActorName, parseLifetimeMs, parseNames } from "../parse-options.ts";
import { signToken } from "../sign-token.ts";
import { reserveTokenFile } from "../token-file.ts";
import { addActorKey } from "./actor-key.ts";

type CreateOptions = Options & {
  readonly tenant: string;
  readonly kind: "agent" | "service";
  readonly name: string;
  readonly actions?: readonly string[];
  readonly mailboxes?: readonly string[];
  readonly expires: number;
  readonly tokenOut?: string;
};
type TenantOptions = Options & { readonly tenant: string };

export const addActor: AddCommand = (program, run) => {
  const actor = program.command("actor").description("who may act for a tenant, and their tokens");
  const example = "actor create --tenant acme --kind agent --name assistant --mailboxes support --expires 90d";
  addLeaf(actor, "create", "make an actor and print its token, this once", example)
    .requiredOption("--tenant <key>", "the tenant it acts for, for ever")
    .addOption(new Option("--kind <kind>", "what it is").choices(["agent", "service"]).makeOptionMandatory())
    .requiredOption("--name <name>", "unique within the tenant", parseActorName)
    .option("--actions <names>", "only these, with commas; else all its kind may do", parseNames)
    .option("--mailboxes <keys>", "only these, with commas; else all of the tenant's", parseNames)
    .option("--expires <time>", "how long the token is good", parseLifetimeMs, parseLifetimeMs("90d"))
    .option("--token-out <file>", "write the token to a new file (mode 0600) instead of stdout")
    .action((options: CreateOptions) =>
      run.asActor(options, async (session, print) => {
        const { token, ...made } = await createActor(session, options);
        const where = options.tokenOut === undefined ? { token } : { tokenFile: options.tokenOut };
        print.result({ ...made, ...where });
        print.note(`actor ${made.name} (${made.id}), good until ${made.expiresAt.toISOString()}`);
        if (options.tokenOut === undefined) print.text(token);
      }),
    );
  addLeaf(actor, "list", "a tenant's actors", "actor list --tenant acme")
    .requiredOption("--tenant <key>", "whose")
    .action((options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const { rows } = await listActors(session, options);
        print.rows(
          rows.map(({ tenantId: _, ...row }) => ({ tenant: options.tenant, ...row })),
          {
            name: ({ name }) => name,
            kind: ({ kind }) => kind,
            actions: ({ actions }) => actions?.join(",") ?? "all",
            mailboxes: ({ mailboxIds }) => mailboxIds?.length ?? "all",
            created: ({ createdAt }) => createdAt,
            revoked: ({ revokedAt }) => revokedAt,
          },
        );
      }),
    );
  addLeaf(actor, "revoke <name>", "end every token of an actor at once", "actor revoke --tenant acme assistant")
    .requiredOption("--tenant <key>", "whose")
    .action((name: string, options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const { tenantId, rows } = await listActors(session, options);
        const found = rows.find((row) => row.name === name);
        if (!found) throw missing("actor");
        const grant = await session.authorize("actor.manage", { tenantId, subjectId: found.id });
        if (!(await session.database.actors.revoke(grant, ActorId.parse(found.id)))) throw missing("actor");
        print.one({ id: found.id, name, revoked: true }, { Actor: name, State: "revoked" });
      }),
    );
  addActorKey(actor, run);
};

async function listActors(session: Session, { tenant }: TenantOptions) {
  const tenantId = await findTenant(session, tenant, "actor.manage");
  const rows = await session.database.actors.list(await session.authorize("actor.manage", { tenantId }));
  return { tenantId, rows };
}

/** The row comes after the token: whoever cannot be given one is not made. */
async function createActor(session: Session, options: CreateOptions) {
  const { kind, name } = options;
  const actions = checkActions(options.actions);
  const id = newId(ActorId);
  const tenantId = await findTenant(session, options.tenant, "actor.manage");
  const grant = await session.authorize("actor.manage", { tenantId, subjectId: id });
  const mailboxIds = await findMailboxes(session, tenantId, options.mailboxes);
  const file = options.tokenOut === undefined ? null : await reserveTokenFile(options.tokenOut);
  try {
    const expiresAt = new Date(session.now().getTime() + options.expires);
    const token = await signToken(session, { id, kind, tenantId, actions, mailboxIds }, expiresAt);
    await file?.write(token);
    if ((await session.database.actors.create(grant, { id, kind, name, actions, mailboxIds })) === null) {
      throw new OperationalError("resource.conflicting", "this tenant has an actor of this name");
    }
    return { id, tenant: options.tenant, kind, name, actions, mailboxes: options.mailboxes ?? null, expiresAt, token };
  } catch (error) {
    await file?.abandon();
    throw error;
  }
}

function checkActions(names: readonly string[] | undefined): string[] | null {
  if (names === undefined) return null;
  const known: readonly string[] = tenantActions;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return [...names];
  throw new UsageError(`there is no action ${unknown.join(", ")}`, `These are there: ${known.join(", ")}.`);
}

async function findMailboxes(
  session: Session,
  tenantId: TenantId,
  keys: readonly string[] | undefined,
): Promise<MailboxId[] | null> {
  if (keys === undefined) return null;
  return Promise.all(keys.map((key) => findMailbox(session, tenantId, key)));
}

import { ActorId, newId, OperationalError } from "@mailfleet/domain";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseActorName, parseLifetimeMs } from "../parse-options.ts";
import { signToken } from "../sign-token.ts";
import { reserveTokenFile } from "../token-file.ts";

type CreateOptions = Options & { readonly name: string; readonly expires: number; readonly tokenOut: string };

/** Those who run the fleet. `init` makes the first; this is how there is a second before the first one's token ends. */
export const addOperator: AddCommand = (program, run) => {
  const operator = program.command("operator").description("who runs the fleet, and their tokens");
  addLeaf(
    operator,
    "create",
    "make an operator and write its token to a file",
    "operator create --name ada --token-out ada.token",
  )
    .requiredOption("--name <name>", "unique among operators", parseActorName)
    .requiredOption("--token-out <file>", "a new file for the token (mode 0600)")
    .option("--expires <time>", "how long the token is good", parseLifetimeMs, parseLifetimeMs("365d"))
    .action((options: CreateOptions) =>
      run.asActor(options, async (session, print) => {
        const made = await createOperator(session, options);
        print.one(made, { Operator: made.name, Id: made.id, "Token in": made.tokenFile, "Good until": made.expiresAt });
      }),
    );
  addLeaf(operator, "list", "every operator", "operator list").action((options: Options) =>
    run.asActor(options, async (session, print) => {
      const rows = await session.database.actors.list(await session.authorize("fleet.provision", {}));
      print.rows(
        rows.map(({ id, name, createdAt, revokedAt }) => ({ id, name, createdAt, revokedAt })),
        { name: ({ name }) => name, created: ({ createdAt }) => createdAt, revoked: ({ revokedAt }) => revokedAt },
      );
    }),
  );
  addLeaf(operator, "revoke <name>", "end every token of an operator at once", "operator revoke ada").action(
    (name: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const grant = await session.authorize("fleet.provision", {});
        const operators = await session.database.actors.list(grant);
        const found = operators.find((row) => row.name === name);
        if (!found) throw missing("operator");
        const others = operators.filter(({ id, revokedAt }) => id !== found.id && revokedAt === null);
        if (others.length === 0) {
          throw new OperationalError("resource.conflicting", "this is the last operator; make another one first");
        }
        await session.database.actors.revoke(grant, found.id);
        print.one({ id: found.id, name, revoked: true }, { Operator: name, State: "revoked" });
      }),
  );
};

/** The row comes after the token: whoever cannot be given one is not made. */
async function createOperator(session: Session, { name, expires, tokenOut }: CreateOptions) {
  const operator = { id: newId(ActorId), kind: "operator", name, actions: null, mailboxIds: null } as const;
  const grant = await session.authorize("fleet.provision", { subjectId: operator.id });
  const file = await reserveTokenFile(tokenOut);
  try {
    const expiresAt = new Date(session.now().getTime() + expires);
    await file.write(await signToken(session, { ...operator, tenantId: null }, expiresAt));
    if ((await session.database.actors.create(grant, operator)) === null) {
      throw new OperationalError("resource.conflicting", "there is an operator of this name");
    }
    return { id: operator.id, name, expiresAt, tokenFile: tokenOut };
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

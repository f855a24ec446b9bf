import { existsSync } from "node:fs";
import { migrateDatabase } from "@mailfleet/database";
import { ActorId, newId, OperationalError } from "@mailfleet/domain";
import { processActor } from "@mailfleet/gate";
import { createLocalKeyFile } from "@mailfleet/vault";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import type { CliConfig } from "../config.ts";
import { openSessionAs, type Session } from "../open-session.ts";
import { parseLifetimeMs } from "../parse-options.ts";
import { createFirstSigningKey, signToken } from "../sign-token.ts";
import { reserveTokenFile } from "../token-file.ts";

type InitOptions = Options & { readonly tokenOut: string; readonly expires: number };

/** Needs no actor, because it makes the first one. What it may do as itself is in the gate's policies. */
export const addInit: AddCommand = (program, run) => {
  addLeaf(
    program,
    "init",
    "make the schema, the signing key and the first operator's token",
    "init --token-out operator.token",
  )
    .option("--token-out <file>", "a new file for the operator's token", "./mailfleet-operator.token")
    .option("--expires <time>", "how long the token is good", parseLifetimeMs, parseLifetimeMs("365d"))
    .action((options: InitOptions) =>
      run.withoutActor(options, async (print, readConfig) => {
        const config = readConfig();
        config.key(); // a fault in the configuration is told before anything is made
        await migrateDatabase(config.database.url);
        const session = await openSessionAs(config, processActor("cli"));
        try {
          if (await session.database.directory.operatorsExist()) throw alreadyDone();
          const keyFileMade = await makeKeyFile(config);
          const operator = await createFirstOperator(session, options);
          const { tokenOut: tokenFile } = options;
          const made = { ...operator, tokenFile, keyFileMade };
          print.one(made, {
            Operator: operator.name,
            Id: operator.id,
            "Token in": tokenFile,
            "Good until": operator.expiresAt,
          });
          if (keyFileMade)
            print.note(`a new key is in ${keyFileMade}; keep a copy: without it no credential opens again`);
          print.note(`next: export MAILFLEET_TOKEN_FILE=${tokenFile} and run mailfleet provision`);
        } finally {
          await session.close();
        }
      }),
    );
};

/** The key that wraps all others, made only where its file is not there yet. Answers the file it made. */
async function makeKeyFile(config: CliConfig): Promise<string | null> {
  const key = config.key();
  if (key.kind !== "local-key-file" || existsSync(key.keyFile)) return null;
  await createLocalKeyFile(key.keyFile);
  return key.keyFile;
}

/** The row comes last: a crash before it leaves no operator whose token nobody has, and the command can be run again. */
async function createFirstOperator(session: Session, { tokenOut, expires }: InitOptions) {
  const { database } = session;
  const file = await reserveTokenFile(tokenOut);
  try {
    await createFirstSigningKey(session);
    const operator = {
      id: newId(ActorId),
      kind: "operator",
      name: "operator",
      actions: null,
      mailboxIds: null,
    } as const;
    const expiresAt = new Date(session.now().getTime() + expires);
    await file.write(await signToken(session, { ...operator, tenantId: null }, expiresAt));
    const grant = await session.authorize("fleet.provision", { subjectId: operator.id });
    if ((await database.actors.create(grant, operator)) === null) throw alreadyDone();
    return { id: operator.id, name: operator.name, expiresAt };
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

function alreadyDone(): OperationalError {
  return new OperationalError("resource.conflicting", "this fleet has an operator already; init runs once");
}

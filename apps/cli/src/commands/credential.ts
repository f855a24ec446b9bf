import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { findNamedMailbox } from "../find-resources.ts";
import { readSecret } from "../provisioning/read-secret.ts";

type RotateOptions = Options & {
  readonly passwordFile?: string;
  readonly passwordEnv?: string;
  readonly user?: string;
};

export const addCredential: AddCommand = (program, run) => {
  const credential = program.command("credential").description("what the fleet signs in to a mailbox with");
  const example = "credential rotate acme/support --password-file new-password";
  addLeaf(credential, "rotate <name>", "verify a new password and put it in place of the old one", example)
    .option("--password-file <file>", "a file that holds the new password")
    .option("--password-env <name>", "an environment variable that holds the new password")
    .option("--user <login>", "the login name, where the mailbox has no credential any more")
    .action((name: string, options: RotateOptions) =>
      run.asActor(options, async (session, print) => {
        const password = readPassword(options, run.variables);
        const target = await findNamedMailbox(session, name, "credential.manage");
        const { rotateCredential } = await import("../lifecycle/rotate-credential.ts");
        const { version, state } = await rotateCredential(session, target, { password, user: options.user });
        print.one(
          { id: target.mailboxId, version, state },
          { Mailbox: name, "Version in force": version, State: state },
        );
      }),
    );
  const summary = "destroy the credential; whatever uses the mailbox ends within 5 s";
  addLeaf(credential, "revoke <name>", summary, "credential revoke acme/support").action(
    (name: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const target = await findNamedMailbox(session, name, "credential.manage");
        const { rememberCredential, tellProvider } = await import("../lifecycle/tell-provider.ts");
        const remembered = await rememberCredential(session, target);
        const { mailboxId } = target;
        const grant = await session.authorize("credential.manage", target);
        const destroyed = await session.database.credentialLifecycle.revoke(grant, mailboxId, "credential.revoked");
        const provider = await tellProvider(session, remembered);
        const said = destroyed ? "destroyed" : "there was none";
        print.one(
          { id: mailboxId, destroyed, provider },
          { Mailbox: name, Credential: said, "At its provider": provider },
        );
        if (provider !== "revoked")
          print.note("next: change the password, or take the fleet's access back, at the provider too");
      }),
  );
};

function readPassword(
  { passwordFile, passwordEnv }: RotateOptions,
  environment: Readonly<Record<string, string | undefined>>,
) {
  if ((passwordFile === undefined) === (passwordEnv === undefined))
    throw new UsageError("name one place of the new password", "Use --password-file FILE or --password-env NAME.");
  const source = passwordFile === undefined ? { env: passwordEnv ?? "" } : { file: passwordFile };
  const secret = readSecret(source, { environment, folder: "." });
  if (typeof secret === "string")
    throw new UsageError(`the new password cannot be read: ${secret}`, "Correct the option.");
  return secret;
}

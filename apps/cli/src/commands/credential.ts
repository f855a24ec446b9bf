import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findNamedMailbox } from "../find-resources.ts";
import { type RotateOptions, readNewMaterial } from "../lifecycle/read-new-material.ts";

export const addCredential: AddCommand = (program, run) => {
  const credential = program.command("credential").description("what the fleet signs in to a mailbox with");
  const example = "credential rotate acme/support --password-file new-password";
  addLeaf(credential, "rotate <name>", "verify a new secret and put it in place of the old one", example)
    .option("--password-file <file>", "a file that holds the new password")
    .option("--password-env <name>", "an environment variable that holds the new password")
    .option("--refresh-token-file <file>", "a file that holds a new refresh token, of the same user")
    .option("--refresh-token-env <name>", "an environment variable that holds it")
    .option("--key-file <file>", "a new service account key of the customer's own, as Google's console gives it")
    .option("--key-env <name>", "an environment variable that holds it")
    .option("--app <name>", "the provider app that the mailbox is opened with from now on")
    .option("--user <login>", "the login name, where the mailbox has no credential any more")
    .action((name: string, options: RotateOptions) =>
      run.asActor(options, async (session, print) => {
        const wanted = readNewMaterial(options, run.variables);
        const target = await findNamedMailbox(session, name, "credential.manage");
        const { rotateCredential } = await import("../lifecycle/rotate-credential.ts");
        const { version, state } = await rotateCredential(session, target, wanted);
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

import { Option } from "commander";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findNamedMailbox } from "../find-resources.ts";
import type { Printer } from "../printer.ts";

const methods = ["id-token", "dns-txt", "nonce", "assertion"] as const;
const providers = ["microsoft", "google", "oidc"] as const;

export type ProveOptions = Options & {
  readonly by: (typeof methods)[number];
  readonly begin?: boolean;
  readonly issuer?: string;
  readonly idTokenFile?: string;
  readonly answer?: string;
  readonly provider?: (typeof providers)[number];
  readonly directory?: string;
};

/** From `mailfleet mailbox`: whose a mailbox is, before any token is asked for it. With a password the login is the proof. */
export const addMailboxProve: AddCommand = (mailbox, run) => {
  const summary = "prove whose a mailbox is at its provider";
  addLeaf(mailbox, "prove <name>", summary, "mailbox prove acme/support --by dns-txt --provider microsoft --begin")
    .addOption(new Option("--by <method>", "how").choices(methods).makeOptionMandatory())
    .option("--begin", "make the nonce that the proof has to answer, and say what to do with it")
    .option("--issuer <name>", "whose ID token it is, of those in BINDING_ISSUERS_FILE")
    .option("--id-token-file <file>", "the ID token that an administrator was given for the nonce")
    .option("--answer <nonce>", "what was read in the mailbox")
    .addOption(new Option("--provider <provider>", "where the mailbox is").choices(providers))
    .option("--directory <id>", "the directory or domain that an operator asserts")
    .action((name: string, options: ProveOptions) =>
      run.asActor(options, async (session, print) => {
        const target = await findNamedMailbox(session, name, "mailbox.manage");
        const { beginProof } = await import("../binding/begin-proof.ts");
        const { takeProof } = await import("../binding/take-proof.ts");
        if (options.begin === true) return tellBeginning(print, name, await beginProof(session, target, options));
        const binding = await takeProof(session, target, options);
        const shown = {
          Mailbox: name,
          Provider: binding.provider,
          Directory: binding.directory,
          "Proven by": binding.proof,
        };
        print.one({ id: target.mailboxId, ...binding }, shown);
        print.note("next: mailfleet provision signs in and makes the mailbox active");
      }),
    );
};

type Beginning = { readonly nonce: string; readonly expiresAt: Date; readonly next: string };

function tellBeginning(print: Printer, name: string, { nonce, expiresAt, next }: Beginning): void {
  print.one({ mailbox: name, nonce, expiresAt, next }, { Mailbox: name, Nonce: nonce, "Good until": expiresAt });
  print.note(`next: ${next}`);
}

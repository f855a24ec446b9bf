import { InvalidArgumentError, Option } from "commander";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import type { NewMailbox } from "../connect/find-or-create-mailbox.ts";
import { parseWaitMs } from "../parse-options.ts";
import type { Printer } from "../printer.ts";

type ConnectOptions = Options &
  NewMailbox & {
    readonly provider: string;
    readonly device?: boolean;
    readonly redirectPort: number;
    readonly wait: number;
  };

/** From `mailfleet mailbox`: the user signs in at the provider, once, in a browser. */
export const addMailboxConnect: AddCommand = (mailbox, run) => {
  const summary = "have the mailbox's user sign in at the provider, and go on with what that gives";
  const example =
    "mailbox connect --tenant acme --mailbox ada --flow oauth-refresh-token --provider google --address ada@acme.example";
  addLeaf(mailbox, "connect", summary, example)
    .requiredOption("--tenant <key>", "whose mailbox it is")
    .requiredOption("--mailbox <key>", "its key")
    .addOption(new Option("--flow <flow>", "how it signs in").choices(["oauth-refresh-token"]).makeOptionMandatory())
    .requiredOption("--provider <app>", "a provider app; or google, microsoft or oidc where there is one of that kind")
    .option("--device", "show a code to type in a browser on another device")
    .option("--address <address>", "of a mailbox that is not there yet")
    .option("--imap <server>", "HOST:PORT or HOST:PORT/starttls, where the provider's own are not meant")
    .option("--smtp <server>", "the same for sending")
    .option("--redirect-port <port>", "of the loopback address that is registered at the provider", parsePort, 0)
    .option("--wait <time>", "how long the user may take", parseWaitMs, 300_000)
    .action((options: ConnectOptions) =>
      run.asActor(options, async (session, print) => {
        const { connectMailbox } = await import("../connect/connect-mailbox.ts");
        const { findApp } = await import("../connect/find-app.ts");
        const { findOrCreateMailbox } = await import("../connect/find-or-create-mailbox.ts");
        const app = await findApp(session, options.provider);
        const target = await findOrCreateMailbox(session, options, app);
        const { device, redirectPort, wait: waitMs } = options;
        const { state, provider, directory } = await connectMailbox(session, target, {
          app: app.name,
          by: device === true ? { kind: "device" } : { kind: "loopback", port: redirectPort },
          waitMs,
          invite: (invitation) => tellInvitation(print, invitation),
        });
        const name = `${options.tenant}/${options.mailbox}`;
        print.one(
          { id: target.mailboxId, state, provider, directory },
          { Mailbox: name, State: state, Provider: provider, Directory: directory },
        );
      }),
    );
};

/** To stderr, like all that is no data. Neither of them is a secret: they are good for nobody who does not sign in. */
function tellInvitation(print: Printer, { url, userCode }: { readonly url: string; readonly userCode: string | null }) {
  if (userCode === null) print.note("sign in as the mailbox's own user, in a browser on this machine:");
  else print.note(`sign in as the mailbox's own user, in any browser, with the code ${userCode}:`);
  print.note(url);
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError("Write a port from 1 to 65535.");
}

import type { Account } from "../account.ts";
import type { DemoFleet } from "../demo-fleet.ts";
import type { ListedMessage } from "../ledger.ts";
import type { Rewrite } from "../rewrite-source.ts";

const deniedExitCode = 3;

export type Refusals = { readonly denied: number; readonly leaked: number };

/** Tenant B's agent asks for tenant A's message, by its true id and by its tenant's name, and to list them all. */
export async function refuse(
  fleet: DemoFleet,
  message: ListedMessage,
  token: string,
  account: Account,
  rewrites: readonly Rewrite[],
): Promise<Refusals> {
  account.step("Ask for acme's mail as globex's agent");
  const attempts = [
    ["message", "show", message.id, "--tenant", "acme"],
    ["message", "list", "--tenant", "acme"],
  ];
  let denied = 0;
  let leaked = 0;
  for (const args of attempts) {
    const { code, stdout, stderr } = await fleet.cli(args, { token, rewrites });
    if (code === deniedExitCode) denied += 1;
    if (stdout.includes(message.subject ?? message.id)) leaked += 1;
    account.say(
      `mailfleet ${args.slice(0, 2).join(" ")} … --tenant acme: exit ${code}${code === 0 ? "" : `, ${stderr.split("\n")[0]}`}`,
    );
  }
  return { denied, leaked };
}

import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { exitCodes } from "../exit-codes.ts";
import { findTenant } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseNamedAddress } from "../parse-options.ts";

type TenantOptions = Options & { readonly tenant?: string };

export const addSuppression: AddCommand = (program, run) => {
  const suppression = program
    .command("suppression")
    .description("whom a tenant writes to no more: who bounced for good, who complained, who was added");
  addLeaf(suppression, "list", "every suppressed address and why", "suppression list --tenant acme")
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .action((options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const rows = await session.database.suppressions.list(await manage(session, options));
        print.rows(
          rows.map(({ address, reason, submissionId, addedAt }) => ({ address, reason, submissionId, addedAt })),
          {
            address: ({ address }) => address,
            reason: ({ reason }) => reason,
            submission: ({ submissionId }) => submissionId,
            added: ({ addedAt }) => addedAt,
          },
        );
      }),
    );
  addLeaf(
    suppression,
    "add <address>",
    "write to this address no more",
    "suppression add --tenant acme ann@example.com",
  )
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .action((text: string, options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const { address } = parseNamedAddress(text);
        const added = await session.database.suppressions.add(await manage(session, options), address);
        print.one({ address, added }, { Address: address, Added: added ? "yes" : "was there already" });
      }),
    );
  addLeaf(
    suppression,
    "remove <address>",
    "write to this address again",
    "suppression remove --tenant acme ann@example.com",
  )
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .action((text: string, options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const { address } = parseNamedAddress(text);
        const removed = await session.database.suppressions.remove(await manage(session, options), address);
        print.one({ address, removed }, { Address: address, Removed: removed ? "yes" : "no" });
        if (removed) return exitCodes.done;
        print.note("error: this address is not suppressed");
        return exitCodes.notFound;
      }),
    );
};

async function manage(session: Session, { tenant }: TenantOptions) {
  const tenantId = await findTenant(session, tenant, "suppression.manage");
  return session.authorize("suppression.manage", { tenantId });
}

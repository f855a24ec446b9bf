import type { ProviderAppRow } from "@mailfleet/database";
import { envelopeAddress, MailAddress } from "@mailfleet/domain";
import { ProviderAppMaterial } from "@mailfleet/token-providers";
import { createSealedStores } from "@mailfleet/vault";
import { UsageError } from "../faults.ts";
import { findTenant, missing } from "../find-resources.ts";
import { type Target, within } from "../lifecycle/stage-credential.ts";
import type { Session } from "../open-session.ts";
import { mailboxIdentity } from "../provisioning/mailbox-identity.ts";
import { mailServersOf } from "./mail-servers.ts";

export type NewMailbox = {
  readonly tenant: string;
  readonly mailbox: string;
  /** Of a mailbox that is not there yet; one that is keeps its own. */
  readonly address?: string | undefined;
  readonly imap?: string | undefined;
  readonly smtp?: string | undefined;
};

/** The mailbox of this key; or a new, pending one where the options say whose address it is. */
export async function findOrCreateMailbox(
  session: Session,
  { tenant, mailbox: key, address, imap, smtp }: NewMailbox,
  app: Pick<ProviderAppRow, "name" | "kind">,
): Promise<Target> {
  const tenantId = await findTenant(session, tenant, "mailbox.manage");
  const found = await session.database.directory.mailboxByKey(tenantId, key);
  if (found !== null) {
    if (address ?? imap ?? smtp)
      throw new UsageError(
        "this mailbox is there already",
        "Leave --address, --imap and --smtp out; `provision` changes them.",
      );
    return { tenantId, mailboxId: found };
  }
  await session.authorize("mailbox.manage", { tenantId }); // before anybody hears what is missing
  if (address === undefined) throw missing("mailbox; add --address ADDRESS to make it");
  if (!MailAddress.safeParse(address).success) throw new UsageError("the address is not one", "Use --address.");
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(key))
    throw new UsageError("the key is not one", "Use lower-case letters, digits and hyphens, at most 63.");
  const servers = mailServersOf({ kind: app.kind, cloud: await cloudOf(session, app) }, { imap, smtp });
  const reading = { folder: "INBOX", startFrom: "now", displayName: null } as const;
  const identity = mailboxIdentity({ host: servers.imap.host, user: address });
  const grant = await session.authorize("fleet.provision", { subjectId: tenantId });
  const settings = { address: envelopeAddress(address), ...servers, ...reading, identity };
  return {
    tenantId,
    mailboxId: await session.database.fleet.provisioning.createMailbox(grant, tenantId, key, settings),
  };
}

/** Each of Microsoft's clouds has mail servers of its own, and the app lies in one of them. */
async function cloudOf(
  session: Session,
  { name, kind }: Pick<ProviderAppRow, "name" | "kind">,
): Promise<string | null> {
  if (kind !== "microsoft") return null;
  const grant = () => session.authorize("fleet.provision", {});
  const { apps } = createSealedStores({ rows: session.database, vault: await session.vault(), grant });
  return apps.use(
    name,
    async ({ material }) => {
      const app = ProviderAppMaterial.parse(material);
      return app.kind === "microsoft" ? app.cloud : null;
    },
    within(),
  );
}

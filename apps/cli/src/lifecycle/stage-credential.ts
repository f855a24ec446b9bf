import type { StagedCredential } from "@mailfleet/database";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import { type CredentialRows, createCredentialStore, type OpenCredential } from "@mailfleet/vault";
import type { Session } from "../open-session.ts";
import type { StoredForm } from "../provisioning/wanted-material.ts";

export type Target = { readonly tenantId: TenantId; readonly mailboxId: MailboxId };

const stepMsMax = 30_000;
export const within = () => ({ signal: AbortSignal.timeout(stepMsMax) });

/** Seals the next version of a mailbox's credential beside the one in force, which everything goes on with. */
export async function stageCredential(session: Session, target: Target, form: StoredForm): Promise<StagedCredential> {
  const grant = await session.authorize("credential.manage", target);
  let staged: StagedCredential | undefined;
  const rows: CredentialRows = {
    current: session.database.credentials.current,
    async put(...asked) {
      staged = await session.database.credentialLifecycle.stage(...asked);
      return staged;
    },
  };
  const store = createCredentialStore({ rows, vault: await session.vault() });
  await store.put(grant, target.mailboxId, form, within());
  if (staged === undefined) throw new Error("a credential was put and not staged");
  return staged;
}

/** From what lies in the database, not from what we have in hand: so that what does not open is never put in force. */
export async function useStaged<Result>(
  session: Session,
  target: Target,
  { staged, use }: { staged: StagedCredential; use: (credential: OpenCredential) => Promise<Result> },
): Promise<Result> {
  const grant = await session.authorize("credential.manage", target);
  const binding = await session.database.bindings.find(grant, target.mailboxId);
  const rows: CredentialRows = {
    current: async () => ({ ...staged, binding }),
    put: session.database.credentials.put,
  };
  const store = createCredentialStore({ rows, vault: await session.vault() });
  return store.use(grant, target.mailboxId, use, within());
}

import { timingSafeEqual } from "node:crypto";
import { type MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { createCredentialStore } from "@mailfleet/vault";
import type { Session } from "../open-session.ts";
import type { WantedMailbox } from "./read-tenants-file.ts";
import { comparable, type StoredForm, wantedMaterial } from "./wanted-material.ts";

const sealMsMax = 30_000;

/** Whether the mailbox has no credential, or another one than the wanted. They are compared as digests, inside `use`. */
export async function credentialDiffers(
  session: Session,
  grant: Grant<"credential.manage">,
  mailboxId: MailboxId,
  wanted: WantedMailbox,
): Promise<boolean> {
  const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
  const expected = Buffer.from(comparable(wantedMaterial(wanted)));
  const signal = AbortSignal.timeout(sealMsMax);
  try {
    return await store.use(
      grant,
      mailboxId,
      async (stored) => !timingSafeEqual(Buffer.from(comparable(stored)), expected),
      { signal },
    );
  } catch (error) {
    if (error instanceof OperationalError && error.code === "credential.missing") return true;
    throw error;
  }
}

/** Seals a credential into a new version, which becomes the current one. */
export async function putCredential(
  session: Session,
  grant: Grant<"credential.manage">,
  mailboxId: MailboxId,
  { flow, material }: StoredForm,
): Promise<void> {
  const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
  await store.put(grant, mailboxId, { flow, material }, { signal: AbortSignal.timeout(sealMsMax) });
}

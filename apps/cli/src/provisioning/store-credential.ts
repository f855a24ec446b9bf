import { createHash, timingSafeEqual } from "node:crypto";
import { type MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { PasswordMaterial } from "@mailfleet/token-providers";
import { createCredentialStore } from "@mailfleet/vault";
import type { Session } from "../open-session.ts";
import type { WantedMailbox } from "./read-tenants-file.ts";

const flow = "password";
const sealMsMax = 30_000;

/** Whether the mailbox has no credential, or another one than the wanted. They are compared as digests, inside `use`. */
export async function credentialDiffers(
  session: Session,
  grant: Grant<"credential.manage">,
  mailboxId: MailboxId,
  wanted: WantedMailbox,
): Promise<boolean> {
  const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
  const expected = digestOf({ user: wanted.user, password: wanted.password.reveal() });
  const signal = AbortSignal.timeout(sealMsMax);
  try {
    return await store.use(
      grant,
      mailboxId,
      async (stored) => {
        const material = stored.flow === flow ? PasswordMaterial.safeParse(stored.material).data : undefined;
        return material === undefined || !timingSafeEqual(digestOf(material), expected);
      },
      { signal },
    );
  } catch (error) {
    if (error instanceof OperationalError && error.code === "credential.missing") return true;
    throw error;
  }
}

/** Seals the wanted credential into a new version, which becomes the current one. */
export async function putCredential(
  session: Session,
  grant: Grant<"credential.manage">,
  mailboxId: MailboxId,
  { user, password }: WantedMailbox,
): Promise<void> {
  const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
  const material: PasswordMaterial = { user, password: password.reveal() };
  await store.put(grant, mailboxId, { flow, material }, { signal: AbortSignal.timeout(sealMsMax) });
}

function digestOf({ user, password }: PasswordMaterial): Uint8Array {
  return createHash("sha256")
    .update(JSON.stringify([user, password]))
    .digest();
}

import { type Binding, CredentialId, type MailboxId, newId, OperationalError } from "@mailfleet/domain";
import type { CredentialReader, StoredCredential } from "../src/credential-reader.ts";

/** A stored credential of a flow. */
export function credentialOf(flow: string, material: unknown, binding: Binding | null = null): StoredCredential {
  return { credentialId: newId(CredentialId), version: 1, flow, material, binding };
}

/** Opens what it was given; `opened` lists the mailboxes it was asked for. */
export function memoryCredentialReader(
  stored: ReadonlyMap<MailboxId, StoredCredential>,
): CredentialReader & { opened: MailboxId[] } {
  const opened: MailboxId[] = [];
  return {
    opened,
    async use(_grant, mailboxId, fn) {
      opened.push(mailboxId);
      const credential = stored.get(mailboxId);
      if (credential === undefined) throw new OperationalError("credential.missing", "the mailbox has no credential");
      return fn(credential);
    },
  };
}

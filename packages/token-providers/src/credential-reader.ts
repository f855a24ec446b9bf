import type { Binding, CredentialId, MailboxId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";

/** What may open a mailbox: polling it, sending from it, and verifying a credential that was just provided. */
export type CredentialGrant = Grant<"credential.manage" | "mailbox.poll" | "submission.deliver">;

/** A mailbox's credential, opened. It exists inside the reader's `use` and nowhere else. */
export type StoredCredential = {
  readonly credentialId: CredentialId;
  /** Raised by each rotation. What was obtained from one version is not handed out for another. */
  readonly version: number;
  /** Which flow it is for, such as `password`. */
  readonly flow: string;
  /** Parsed JSON; the flow's schema says what it must be. */
  readonly material: unknown;
  /** What was proven of its mailbox, read at the same moment; null: nothing was. */
  readonly binding: Binding | null;
};

/**
 * Opens the credential in force of one mailbox, for `fn` alone. The app makes it of its database and its vault.
 *
 * @throws OperationalError `credential.missing` when the mailbox has none
 * @throws OperationalError `credential.unreadable`, `key.unavailable`, `gate.denied`, `grant.expired`
 */
export type CredentialReader = {
  use<Result>(
    grant: CredentialGrant,
    mailboxId: MailboxId,
    fn: (credential: StoredCredential) => Promise<Result>,
    options: { signal: AbortSignal },
  ): Promise<Result>;
};

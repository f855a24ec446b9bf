import { type Binding, type CredentialId, type MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { SealBinding, Vault } from "./create-vault.ts";

/** A credential as its row keeps it. */
export type CredentialRow = {
  readonly id: string;
  readonly version: number;
  readonly flow: string;
  readonly sealed: Uint8Array;
  /** Of its mailbox; null: nobody has proven anything. */
  readonly binding: Binding | null;
};

type Reading = Grant<"mailbox.poll" | "submission.deliver" | "credential.manage">;

export type CredentialRows = {
  current(grant: Reading, mailboxId: MailboxId): Promise<CredentialRow | null>;
  put(
    grant: Grant<"credential.manage">,
    mailboxId: MailboxId,
    flow: string,
    seal: (row: { credentialId: CredentialId; version: number }) => Promise<Uint8Array>,
  ): Promise<unknown>;
};

/** A credential while it is open. `material` is what the flow put in: JSON, for the flow's own schema to check. */
export type OpenCredential = {
  readonly credentialId: CredentialId;
  readonly version: number;
  readonly flow: string;
  readonly material: unknown;
  readonly binding: Binding | null;
};

type Options = { readonly signal: AbortSignal };

/**
 * Credentials of mailboxes, sealed on the way in and open for one callback on the way out.
 *
 * @throws OperationalError `credential.missing`, `credential.unreadable`, `key.unavailable`
 */
export type CredentialStore = {
  use<Result>(
    grant: Reading,
    mailboxId: MailboxId,
    fn: (credential: OpenCredential) => Promise<Result>,
    options: Options,
  ): Promise<Result>;
  /** A new version beside the old one, which it replaces. */
  put(
    grant: Grant<"credential.manage">,
    mailboxId: MailboxId,
    credential: { flow: string; material: unknown },
    options: Options,
  ): Promise<void>;
};

export function createCredentialStore({ rows, vault }: { rows: CredentialRows; vault: Vault }): CredentialStore {
  return {
    async use(grant, mailboxId, fn, options) {
      const row = await rows.current(grant, mailboxId);
      if (row === null) throw new OperationalError("credential.missing", "the mailbox has no credential");
      const { version, flow, binding } = row;
      const credentialId = row.id as CredentialId;
      const open = (plaintext: Uint8Array) =>
        fn({ credentialId, version, flow, material: parseSealedJson(plaintext), binding });
      return vault.use(grant, credentialBinding(mailboxId, credentialId, version), row.sealed, open, options);
    },
    async put(grant, mailboxId, { flow, material }, options) {
      const plaintext = Buffer.from(JSON.stringify(material));
      try {
        await rows.put(grant, mailboxId, flow, ({ credentialId, version }) =>
          vault.seal(grant, credentialBinding(mailboxId, credentialId, version), plaintext, options),
        );
      } finally {
        plaintext.fill(0);
      }
    },
  };
}

/** A credential opens as this version of this credential of this mailbox, or not at all. */
export function credentialBinding(mailboxId: MailboxId, credentialId: CredentialId, version: number): SealBinding {
  return { purpose: "credentials", record: `credential:${mailboxId}:${credentialId}:${version}` };
}

export function parseSealedJson(plaintext: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString("utf8"));
  } catch {
    // The parser's own message quotes the text.
    throw new OperationalError("credential.unreadable", "an opened credential is not JSON");
  }
}

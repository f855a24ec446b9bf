import { createHash } from "node:crypto";
import { type CredentialId, type ErrorCode, type MailboxId, Secret } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { credentialBinding } from "./create-credential-store.ts";
import type { SealBinding, Vault } from "./create-vault.ts";

type Opening = Grant<"mailbox.poll" | "submission.deliver" | "credential.manage">;
type Options = { readonly signal: AbortSignal };

export type TokenLease = {
  readonly leaseId: string;
  readonly subject: string;
  readonly credentialId: CredentialId;
  readonly interrupted: boolean;
};

type SealedToken = {
  readonly sealed: Uint8Array;
  readonly tokenSha256: Uint8Array;
  readonly expiresAt: Date;
  readonly refreshAt: Date;
};

/** The rows as the database keeps them; see its `AccessTokens`. */
export type TokenRows = {
  find(
    grant: Opening,
    subject: string,
  ): Promise<{
    readonly sealed: Uint8Array | null;
    readonly expiresAt: Date | null;
    readonly refreshAt: Date | null;
    readonly failure: string | null;
    readonly failureUntil: Date | null;
  } | null>;
  claim(
    grant: Opening,
    wanted: { subject: string; credentialId: CredentialId; leaseMs: number },
  ): Promise<TokenLease | null>;
  store(grant: Opening, lease: TokenLease, token: SealedToken): Promise<boolean>;
  storeRotated(
    grant: Opening,
    mailboxId: MailboxId,
    lease: TokenLease,
    rotated: {
      flow: string;
      seal(row: {
        credentialId: CredentialId;
        version: number;
      }): Promise<{ credential: Uint8Array; subject: string; token: SealedToken }>;
    },
  ): Promise<boolean>;
  fail(grant: Opening, lease: TokenLease, failure: { code: ErrorCode; until: Date }): Promise<void>;
  invalidate(grant: Opening, tokenSha256: Uint8Array): Promise<void>;
};

export type HeldToken = { readonly token: Secret; readonly expiresAt: Date; readonly refreshAt: Date };
export type TokenFailure = { readonly code: ErrorCode; readonly until: Date };

/** Access tokens, sealed on the way in. What token providers share across the fleet. */
export type TokenStore = {
  find(
    grant: Opening,
    subject: string,
    options: Options,
  ): Promise<{ readonly held: HeldToken | null; readonly failure: TokenFailure | null }>;
  claim: TokenRows["claim"];
  /** Makes sure that sealing works, before an answer comes that can be lost. */
  prepare(grant: Opening, options: Options): Promise<void>;
  store(grant: Opening, lease: TokenLease, token: HeldToken, options: Options): Promise<boolean>;
  storeRotated(
    grant: Opening,
    mailboxId: MailboxId,
    lease: TokenLease,
    rotated: {
      flow: string;
      material: unknown;
      token: HeldToken;
      /** What the token is found by, once the new version is in force. */
      subjectOf(credentialId: CredentialId): string;
    },
    options: Options,
  ): Promise<boolean>;
  fail: TokenRows["fail"];
  invalidate(grant: Opening, token: Secret): Promise<void>;
};

export function createTokenStore({ rows, vault }: { rows: TokenRows; vault: Vault }): TokenStore {
  const seal = (grant: Opening, binding: SealBinding, text: string, options: Options) => {
    const plaintext = Buffer.from(text);
    return vault.seal(grant, binding, plaintext, options).finally(() => plaintext.fill(0));
  };
  const sealToken = async (grant: Opening, subject: string, held: HeldToken, options: Options) => ({
    sealed: await seal(grant, tokenBinding(subject), held.token.reveal(), options),
    tokenSha256: digestOf(held.token),
    expiresAt: held.expiresAt,
    refreshAt: held.refreshAt,
  });

  return {
    async find(grant, subject, options) {
      const row = await rows.find(grant, subject);
      if (row === null) return { held: null, failure: null };
      const { sealed, expiresAt, refreshAt, failureUntil } = row;
      const failure = failureUntil && row.failure ? { code: row.failure as ErrorCode, until: failureUntil } : null;
      if (sealed === null || expiresAt === null || refreshAt === null) return { held: null, failure };
      const open = async (plaintext: Uint8Array) => Secret.of(Buffer.from(plaintext).toString("utf8"));
      const token = await vault.use(grant, tokenBinding(subject), sealed, open, options);
      return { held: { token, expiresAt, refreshAt }, failure };
    },
    claim: rows.claim,
    async prepare(grant, options) {
      await seal(grant, tokenBinding("nothing"), "nothing", options);
    },
    async store(grant, lease, held, options) {
      return rows.store(grant, lease, await sealToken(grant, lease.subject, held, options));
    },
    async storeRotated(grant, mailboxId, lease, { flow, material, token, subjectOf }, options) {
      return rows.storeRotated(grant, mailboxId, lease, {
        flow,
        async seal({ credentialId, version }) {
          const binding = credentialBinding(mailboxId, credentialId, version);
          const subject = subjectOf(credentialId);
          return {
            credential: await seal(grant, binding, JSON.stringify(material), options),
            subject,
            token: await sealToken(grant, subject, token, options),
          };
        },
      });
    },
    fail: rows.fail,
    invalidate: (grant, token) => rows.invalidate(grant, digestOf(token)),
  };
}

/** Under the key that opens credentials: whoever loses the one loses the other. */
function tokenBinding(subject: string): SealBinding {
  return { purpose: "credentials", record: `access-token:${subject}` };
}

/** Tokens are long and random, so that a digest tells nothing of them. */
function digestOf(token: Secret): Uint8Array {
  return createHash("sha256").update(token.reveal()).digest();
}

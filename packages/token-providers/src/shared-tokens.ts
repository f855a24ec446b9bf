import type { CredentialId, ErrorCode, MailboxId, Secret } from "@mailfleet/domain";
import type { CredentialGrant } from "./credential-reader.ts";

type Options = { readonly signal: AbortSignal };

/** One exchange's hold on its subject. */
export type TokenLease = {
  readonly leaseId: string;
  readonly subject: string;
  readonly credentialId: CredentialId;
  /** An earlier holder never came back: what the provider gave it, if anything, is lost. */
  readonly interrupted: boolean;
};

export type HeldToken = { readonly token: Secret; readonly expiresAt: Date; readonly refreshAt: Date };
export type TokenFailure = { readonly code: ErrorCode; readonly until: Date };

/**
 * Tokens as the whole fleet shares them, and who is asking for one right now. An app makes it of its database and its
 * vault. A lease is a row: no connection is held while a provider answers.
 */
export type SharedTokens = {
  find(
    grant: CredentialGrant,
    subject: string,
    options: Options,
  ): Promise<{ readonly held: HeldToken | null; readonly failure: TokenFailure | null }>;
  /** Null: someone else is asking, or was just answered, or the credential is not in force any more. */
  claim(
    grant: CredentialGrant,
    wanted: { subject: string; credentialId: CredentialId; leaseMs: number },
  ): Promise<TokenLease | null>;
  /** Makes sure that an answer can be sealed before there is one to lose. */
  prepare(grant: CredentialGrant, options: Options): Promise<void>;
  /** False: the lease was lost. */
  store(grant: CredentialGrant, lease: TokenLease, token: HeldToken, options: Options): Promise<boolean>;
  /** A new version of the credential takes the old one's place. False: the old one was not in force any more. */
  storeRotated(
    grant: CredentialGrant,
    mailboxId: MailboxId,
    lease: TokenLease,
    rotated: {
      flow: string;
      material: unknown;
      token: HeldToken;
      subjectOf(credentialId: CredentialId): string;
    },
    options: Options,
  ): Promise<boolean>;
  /** Ends the lease; until then everyone is answered the same. */
  fail(grant: CredentialGrant, lease: TokenLease, failure: TokenFailure): Promise<void>;
  /** A mail server refused this token. A newer one stays. */
  invalidate(grant: CredentialGrant, token: Secret): Promise<void>;
};

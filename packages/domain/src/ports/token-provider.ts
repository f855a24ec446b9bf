import type { MailboxId } from "../ids.ts";
import type { Secret } from "../secret.ts";

/** What a mail server accepts now: a password, or a bearer token (RFC 6750) with its end. */
export type Login =
  | { readonly kind: "password"; readonly user: string; readonly password: Secret }
  | { readonly kind: "bearer"; readonly user: string; readonly token: Secret; readonly expiresAt: Date };

/**
 * Answers "with what may we open this mailbox right now?".
 *
 * `access` is the gate's yes for this mailbox; the implementation reads the credential with it and no other way.
 * `signal` is honoured until an exchange leaves the process and ignored after it: a rotated refresh token that
 * nobody stored locks the owner out.
 *
 * @throws OperationalError `credential.missing`, `credential.unreadable`, `key.unavailable`, `login.refused`, `provider.unavailable`, `provider.throttled`
 */
export interface TokenProvider<Access> {
  login(access: Access, mailboxId: MailboxId, options: { signal: AbortSignal }): Promise<Login>;
  /** The mail server refused this login; the next call must not hand out the same bearer token. */
  reject(access: Access, mailboxId: MailboxId, login: Login, options: { signal: AbortSignal }): Promise<void>;
}

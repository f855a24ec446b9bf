import type { MailServer } from "../mail-server.ts";
import type { SentMessageNames } from "./sent-folder.ts";
import type { Login } from "./token-provider.ts";

export type SentCopy = SentMessageNames & {
  /** As it left. */
  readonly raw: Uint8Array;
  readonly sentAt: Date;
};

/**
 * Puts what was sent where a mailbox keeps its sent mail, marked as read. Looks first: what lies there already, by the provider
 * or by an earlier run that did not live to tell, is left alone.
 *
 * @throws OperationalError `folder.missing` when the mailbox has no folder for sent mail
 * @throws OperationalError `login.refused`, `login.suspect`, `provider.throttled`, `provider.unavailable`, `connection.insecure`, `host.refused`
 */
export interface SentCopyStore {
  append(
    mailbox: { server: MailServer; login: Login },
    copy: SentCopy,
    options: { signal: AbortSignal },
  ): Promise<"appended" | "present">;
}

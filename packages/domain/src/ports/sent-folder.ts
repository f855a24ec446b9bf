import type { SubmissionId } from "../ids.ts";
import type { MailServer } from "../mail-server.ts";
import type { Login } from "./token-provider.ts";

/** By what a message that may have left can be known: ids it may bear, and the submission its own header names. */
export type SentMessageNames = { readonly messageIds: readonly string[]; readonly submissionId: SubmissionId };

/**
 * Where a mailbox keeps what was sent from it. Answers whether this message is there, also where the provider has put an id
 * of its own in place of ours. Changes nothing in the mailbox. "No" only means that it is not there now: providers save
 * copies late, and some save none.
 *
 * @throws OperationalError `folder.missing` when the mailbox has no folder for sent mail, so that nobody can tell
 * @throws OperationalError `login.refused`, `login.suspect`, `provider.throttled`, `provider.unavailable`, `connection.insecure`, `host.refused`
 */
export interface SentFolder {
  holds(
    mailbox: { server: MailServer; login: Login },
    message: SentMessageNames,
    options: { signal: AbortSignal },
  ): Promise<boolean>;
}

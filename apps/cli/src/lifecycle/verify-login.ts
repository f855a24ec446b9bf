import type { MailboxRow } from "@mailfleet/database";
import { type Login, OperationalError } from "@mailfleet/domain";
import { createImapMailSource } from "@mailfleet/mail-source";
import { createSmtpLoginCheck } from "@mailfleet/mail-transport";
import { createNetworkGuard } from "@mailfleet/runtime";
import type { Session } from "../open-session.ts";

const loginMsMax = 45_000;

/**
 * Signs in as the workers will: over IMAP, opening the folder read-only, and over SMTP where the mailbox sends.
 *
 * @throws OperationalError why one of them did not work
 */
export async function verifyLogin(
  { config, now }: Session,
  { imap, smtp, folder }: Pick<MailboxRow, "imap" | "smtp" | "folder">,
  login: Login,
): Promise<void> {
  const signal = AbortSignal.timeout(loginMsMax);
  const parts = { guard: createNetworkGuard(config.network), tls: config.tls(), now };
  try {
    const connection = await createImapMailSource(parts).connect({ server: imap, login }, { signal });
    try {
      await connection.examine(folder, { signal });
    } finally {
      await connection.close();
    }
    if (smtp !== null) await createSmtpLoginCheck(parts)({ server: smtp, login }, { signal });
  } catch (error) {
    if (error instanceof OperationalError || !signal.aborted) throw error;
    throw new OperationalError("provider.unavailable", "the mail server did not answer the sign-in in time");
  }
}

import { type ErrorCode, type Login, type MailSource, OperationalError } from "@mailfleet/domain";
import type { WantedMailbox } from "./read-tenants-file.ts";

const loginMsMax = 45_000;

/**
 * Signs in as the workers will, opens each folder read-only and leaves. Null when all of it worked, otherwise why not, as
 * a code: the server's own words stay away from terminals and rows.
 */
export async function checkLogin(
  source: MailSource,
  { imap, folder, folders }: WantedMailbox,
  login: Login,
): Promise<ErrorCode | null> {
  const signal = AbortSignal.timeout(loginMsMax);
  try {
    const connection = await source.connect({ server: imap, login }, { signal });
    try {
      for (const name of [folder, ...folders]) await connection.examine(name, { signal });
    } finally {
      await connection.close();
    }
    return null;
  } catch (error) {
    if (error instanceof OperationalError) return error.code;
    if (signal.aborted) return "provider.unavailable";
    throw error;
  }
}

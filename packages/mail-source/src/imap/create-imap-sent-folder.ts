import type { SentFolder } from "@mailfleet/domain";
import type { ImapMailSourceOptions } from "./create-imap-mail-source.ts";
import { createSentSession, holdsSent } from "./sent-session.ts";

/** Sent mail over IMAP. Each folder is opened read-only for each question and left again. */
export function createImapSentFolder(options: ImapMailSourceOptions): SentFolder {
  const withSentFolders = createSentSession(options);
  return {
    holds: (mailbox, message, { signal }) =>
      withSentFolders(mailbox, signal, async (session, folders) => {
        for (const folder of folders) if (await holdsSent(session, folder, message, signal)) return true;
        return false;
      }),
  };
}

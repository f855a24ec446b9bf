import { Buffer } from "node:buffer";
import type { SentCopyStore } from "@mailfleet/domain";
import type { ImapMailSourceOptions } from "./create-imap-mail-source.ts";
import { createSentSession, holdsSent } from "./sent-session.ts";

/** Copies over IMAP (APPEND, RFC 9051 §6.3.12), into the first of the folders that `SentFolder` looks through. */
export function createImapSentCopyStore(options: ImapMailSourceOptions): SentCopyStore {
  const withSentFolders = createSentSession(options);
  return {
    append: (mailbox, copy, { signal }) =>
      withSentFolders(mailbox, signal, async (session, folders) => {
        for (const folder of folders) if (await holdsSent(session, folder, copy, signal)) return "present";
        const { client } = session;
        const bytes = Buffer.from(copy.raw.buffer, copy.raw.byteOffset, copy.raw.byteLength);
        const [folder = ""] = folders;
        const done = await session.run("APPEND", { signal }, () =>
          client.append(folder, bytes, ["\\Seen"], copy.sentAt),
        );
        if (done === false) throw session.refusal("APPEND");
        return "appended";
      }),
  };
}

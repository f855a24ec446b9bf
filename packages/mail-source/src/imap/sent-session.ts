import { type Login, type MailServer, OperationalError, type SentMessageNames } from "@mailfleet/domain";
import type { SearchObject } from "imapflow";
import { createDial } from "./create-dial.ts";
import type { ImapMailSourceOptions } from "./create-imap-mail-source.ts";
import type { Session } from "./create-session.ts";
import { defaultImapLimits } from "./limits.ts";

/** A mailbox with more folders of this kind is set up strangely; the first are enough. */
const foldersMax = 3;

type Mailbox = { readonly server: MailServer; readonly login: Login };

/**
 * Runs something in a session of its own, with the folders of sent mail: those the server marks as `\Sent` (RFC 6154), or,
 * where it marks none, one with a usual name in some language.
 */
export function createSentSession(options: ImapMailSourceOptions) {
  const { guard, now } = options;
  const limits = { ...defaultImapLimits, ...options.limits };
  const dial = createDial({ guard, caPem: options.tls?.caPem, limits, now });
  return async <T>(
    mailbox: Mailbox,
    signal: AbortSignal,
    run: (session: Session, folders: readonly string[]) => Promise<T>,
  ): Promise<T> => {
    const session = await dial(mailbox, { signal });
    try {
      return await run(session, await sentFolders(session, signal));
    } finally {
      const lastWords = { signal: new AbortController().signal, budgetMs: limits.logoutMs };
      if (session.client.usable) await session.run("LOGOUT", lastWords, () => session.client.logout()).catch(() => {});
      session.end();
    }
  };
}

async function sentFolders(session: Session, signal: AbortSignal): Promise<readonly string[]> {
  const listed = await session.run("LIST", { signal }, () => session.client.list());
  const sent = listed.filter(({ specialUse }) => specialUse === "\\Sent").map(({ path }) => path);
  if (sent.length > 0) return sent.slice(0, foldersMax);
  throw new OperationalError("folder.missing", "the mailbox has no folder for sent mail");
}

/** Whether a folder holds the message, under any of its names. */
export async function holdsSent(
  session: Session,
  folder: string,
  message: SentMessageNames,
  signal: AbortSignal,
): Promise<boolean> {
  const { client } = session;
  const box = await session.run("EXAMINE", { signal }, () => client.mailboxOpen(folder, { readOnly: true }));
  if (box.exists === 0) return false; // some servers take a SEARCH in an empty folder for an error
  for (const query of queriesFor(message)) {
    const found = await session.run("SEARCH", { signal }, () => client.search(query, { uid: true }));
    if (!Array.isArray(found)) throw session.refusal("SEARCH");
    if (found.length > 0) return true;
  }
  return false;
}

/** One header at a time: servers differ in what they make of an OR over headers they do not index. */
function queriesFor({ messageIds, submissionId }: SentMessageNames): readonly SearchObject[] {
  const names = ["Message-ID", "X-Microsoft-Original-Message-ID", "X-Google-Original-Message-ID"];
  const byId = names.flatMap((name) => messageIds.map((id) => ({ header: { [name]: id } })));
  return [...byId, { header: { "X-Mailfleet-Submission": submissionId } }];
}

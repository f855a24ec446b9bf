/** Reads mailboxes: IMAP, page by page from a cursor. */

export type { ImapMailSourceOptions } from "./imap/create-imap-mail-source.ts";
export { createImapMailSource } from "./imap/create-imap-mail-source.ts";
export { createImapSentCopyStore } from "./imap/create-imap-sent-copy-store.ts";
export { createImapSentFolder } from "./imap/create-imap-sent-folder.ts";
export type { ImapLimits } from "./imap/limits.ts";
export type { FolderCursor, MailPage, PageBody, PageLimits, PageMessage, ReadPagesRequest } from "./pages.ts";
export { defaultPageLimits } from "./pages.ts";
export type { HistoryPage, ReadHistoryRequest } from "./read-history.ts";
export { readHistory } from "./read-history.ts";
export type { ReadPagesOptions } from "./read-pages.ts";
export { readPages } from "./read-pages.ts";

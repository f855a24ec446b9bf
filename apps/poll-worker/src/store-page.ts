import type { Inbox, NewPage, StoredPage } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { rawOnly } from "./to-new-message.ts";

/**
 * Stores a page; one that PostgreSQL refuses for what is in it is cut in two until the culprit is alone, which is then
 * stored as nothing but its bytes. So no message stops a mailbox, and none is skipped.
 */
export async function storePage(
  inbox: Pick<Inbox, "storePage">,
  grant: Grant<"mailbox.poll">,
  page: NewPage,
): Promise<StoredPage> {
  try {
    return await inbox.storePage(grant, page);
  } catch (error) {
    if (!isRefusedForContent(error) || page.messages.length === 0) throw error;
    const [only, ...others] = page.messages;
    if (only !== undefined && others.length === 0) {
      if (only.unparsedReason === unstorable) throw error;
      return inbox.storePage(grant, { ...page, messages: [rawOnly(only, unstorable)] });
    }
    const [first, second] = halves(page);
    const stored = await storePage(inbox, grant, first);
    const rest = await storePage(inbox, grant, second);
    return { storedCount: stored.storedCount + rest.storedCount, knownCount: stored.knownCount + rest.knownCount };
  }
}

const unstorable = "message.unstorable";

/** The first half leaves the cursor where it is: what the page says besides its messages belongs to the second. */
function halves(page: NewPage): readonly [NewPage, NewPage] {
  const middle = Math.ceil(page.messages.length / 2);
  const first = { ...page, messages: page.messages.slice(0, middle), cursor: null, unreadable: [], last: false };
  return [first, { ...page, messages: page.messages.slice(middle) }];
}

/** SQLSTATE classes 22 (data exception), 23 (constraint) and 54 (a limit of PostgreSQL was passed). */
function isRefusedForContent(error: unknown): boolean {
  if (error instanceof OperationalError) return false;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(22|23|54)...$/.test(code);
}

import type { Address, MessageRow } from "@mailfleet/database";
import { MessageId, shownAsData, type TenantId } from "@mailfleet/domain";
import { readableMailboxes } from "../commands/mailbox.ts";
import { findScope, findTenant, resourceOf } from "../find-resources.ts";
import type { Session } from "../open-session.ts";

const pageRowsMax = 500;

export type Wanted = {
  readonly tenant?: string;
  readonly mailbox?: string;
  readonly limit: number;
  readonly all?: boolean;
};

/** Newest first, over every mailbox the actor may look at. Each page asks the gate anew. */
export async function listMessages(session: Session, { tenant, mailbox, limit, all = false }: Wanted) {
  const tenantId = await findTenant(session, tenant, "message.list");
  const rowsMax = all ? Number.POSITIVE_INFINITY : limit;
  const lists: MessageRow[][] = [];
  for (const mailboxId of await findScope(session, tenantId, mailbox)) {
    lists.push(await readPages(session, resourceOf(tenantId, mailboxId), rowsMax));
  }
  const rows = lists.flat();
  if (lists.length > 1) rows.sort((a, b) => (a.id < b.id ? 1 : -1)); // UUIDv7: the newest is the greatest
  const keys = await mailboxKeys(session, tenantId);
  return rows.slice(0, all ? rows.length : limit).map((row) => toListed(row, keys.get(row.mailboxId) ?? null));
}

async function readPages(
  session: Session,
  resource: ReturnType<typeof resourceOf>,
  rowsMax: number,
): Promise<MessageRow[]> {
  const rows: MessageRow[] = [];
  while (rows.length < rowsMax) {
    const limit = Math.min(pageRowsMax, rowsMax - rows.length);
    const last = rows.at(-1);
    const grant = await session.authorize("message.list", resource);
    const before = last && MessageId.parse(last.id);
    const page = await session.database.messages.list(grant, { before, limit });
    rows.push(...page);
    if (page.length < limit) break;
  }
  return rows;
}

/** A token that was not issued for `mailbox.read` sees ids for keys; asking the gate for it would only fill the audit log. */
async function mailboxKeys(session: Session, tenantId: TenantId): Promise<ReadonlyMap<string, string>> {
  const { actions } = session.actor;
  if (actions !== null && !actions.includes("mailbox.read")) return new Map();
  return new Map((await readableMailboxes(session, tenantId)).map(({ id, key }) => [id, key]));
}

export function toListed(row: MessageRow, mailbox: string | null) {
  const {
    id,
    mailboxId,
    namespace,
    messageIdHeader,
    threadId,
    receivedAt,
    storedAt,
    sizeBytes,
    epoch,
    unparsedReason,
  } = row;
  const subject = shownAsData(row.envelope.subject);
  const from = row.envelope.from.map(shownAddress);
  const sha256 = Buffer.from(row.rawSha256).toString("hex");
  const about = { id, mailbox, mailboxId, namespace, messageIdHeader: shownAsData(messageIdHeader), threadId };
  return { ...about, subject, from, receivedAt, storedAt, sizeBytes, sha256, epoch, unparsedReason };
}

export function shownAddress({ name, address }: Address) {
  return { name: shownAsData(name), address: shownAsData(address) };
}

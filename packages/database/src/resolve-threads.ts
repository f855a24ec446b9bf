import { newId, type TenantId, ThreadId } from "@mailfleet/domain";
import type { Transaction } from "./connection.ts";

type Linked = {
  readonly messageIdHeader: string | null;
  readonly inReplyTo: string | null;
  /** Oldest first, as in the header (RFC 5322 §3.6.4). */
  readonly references: readonly string[];
};

/**
 * The thread of each message: that of the nearest message it answers, received or sent by the same mailbox, or a new one.
 * Never another mailbox's, whatever a header claims.
 */
export async function resolveThreads(
  tx: Transaction,
  tenantId: TenantId,
  mailboxId: string,
  messages: readonly Linked[],
): Promise<readonly ThreadId[]> {
  const known = await threadsOf(tx, tenantId, mailboxId, messages.flatMap(ancestors));
  return messages.map((message) => {
    const answered = ancestors(message).find((id) => known.has(id));
    const threadId = (answered === undefined ? undefined : known.get(answered)) ?? newId(ThreadId);
    if (message.messageIdHeader !== null && !known.has(message.messageIdHeader))
      known.set(message.messageIdHeader, threadId);
    return threadId;
  });
}

/** Nearest first. */
function ancestors({ inReplyTo, references }: Linked): readonly string[] {
  const nearestFirst = references.toReversed();
  return inReplyTo === null ? nearestFirst : [inReplyTo, ...nearestFirst];
}

async function threadsOf(
  tx: Transaction,
  tenantId: TenantId,
  mailboxId: string,
  messageIdHeaders: readonly string[],
): Promise<Map<string, ThreadId>> {
  if (messageIdHeaders.length === 0) return new Map();
  const wanted = JSON.stringify([...new Set(messageIdHeaders)]);
  const rows = await tx.unsafe(threadsOfHeaders, [tenantId, mailboxId, wanted]);
  return new Map(rows.map((row) => [String(row["message_id_header"]), ThreadId.parse(row["thread_id"])]));
}

/**
 * One look-up for each header, by the whole key; and planned each time (`unsafe` does not prepare): a plan made while the
 * table was empty walks every message of the mailbox, on every page, until the first ANALYZE.
 */
const threadsOfHeaders = `
  select found.message_id_header, found.thread_id
  from jsonb_array_elements_text($3::jsonb) as wanted(header)
  cross join lateral (
    (select message_id_header, thread_id from messages
     where tenant_id = $1::uuid and mailbox_id = $2::uuid and message_id_header = wanted.header
       and quarantine is distinct from 'held' limit 1)
    union all
    (select message_id_header, thread_id from submissions
     where tenant_id = $1::uuid and mailbox_id = $2::uuid and message_id_header = wanted.header limit 1)
  ) as found`;

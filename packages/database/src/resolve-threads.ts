import { newId, type TenantId, ThreadId } from "@mailfleet/domain";
import { ancestors, chooseThread, type KnownThreads, type Linked, threadJoined } from "./choose-thread.ts";
import type { Sql, Transaction } from "./connection.ts";
import { claimedLinks, type ThreadClaim } from "./thread-links.ts";

/**
 * The thread of each message: that of the nearest message it answers, received or sent by the same mailbox, in whose thread
 * its author takes part; or a new one. Never another mailbox's, whatever a header claims.
 */
export async function resolveThreads(
  tx: Transaction,
  tenantId: TenantId,
  mailboxId: string,
  messages: readonly Linked[],
): Promise<readonly ThreadId[]> {
  const known = await threadsOf(tx, tenantId, mailboxId, messages.flatMap(ancestors));
  return messages.map((message) => chooseThread(message, known, () => newId(ThreadId)));
}

/**
 * Which of these messages claim to continue a stored thread as somebody who takes part in it. It says for whom a proof is
 * worth looking for, and nothing of whether there is one.
 */
export async function findThreadClaims(
  sql: Sql,
  tenantId: TenantId,
  mailboxId: string,
  messages: readonly ThreadClaim[],
): Promise<readonly boolean[]> {
  const claimed = messages.map(claimedLinks);
  const known = await threadsOf(sql, tenantId, mailboxId, claimed.flatMap(ancestors));
  return claimed.map((links) => threadJoined(links, known) !== undefined);
}

async function threadsOf(
  tx: Pick<Transaction, "unsafe">,
  tenantId: TenantId,
  mailboxId: string,
  messageIdHeaders: readonly string[],
): Promise<KnownThreads> {
  const known: KnownThreads = { byHeader: new Map(), participants: new Map() };
  if (messageIdHeaders.length === 0) return known;
  const wanted = JSON.stringify([...new Set(messageIdHeaders)]);
  for (const row of await tx.unsafe(threadsOfHeaders, [tenantId, mailboxId, wanted])) {
    const threadId = ThreadId.parse(row["thread_id"]);
    const header = String(row["message_id_header"]);
    known.byHeader.set(header, [...(known.byHeader.get(header) ?? []), threadId]);
    known.participants.set(threadId, new Set());
  }
  if (known.participants.size === 0) return known;
  const threads = JSON.stringify([...known.participants.keys()]);
  for (const row of await tx.unsafe(participantsOfThreads, [tenantId, threads])) {
    known.participants.get(ThreadId.parse(row["thread_id"]))?.add(String(row["address"]));
  }
  return known;
}

/**
 * One look-up for each header, by the whole key, oldest first; and planned each time (`unsafe` does not prepare): a plan made
 * while the table was empty walks every message of the mailbox, on every page, until the first ANALYZE. Copies of one
 * Message-ID count up to a handful.
 */
const threadsOfHeaders = `
  select found.message_id_header, found.thread_id
  from jsonb_array_elements_text($3::jsonb) as wanted(header)
  cross join lateral (
    (select 0 as place, id, message_id_header, thread_id from submissions
     where tenant_id = $1::uuid and mailbox_id = $2::uuid and message_id_header = wanted.header limit 1)
    union all
    (select 1, id, message_id_header, thread_id from messages
     where tenant_id = $1::uuid and mailbox_id = $2::uuid and message_id_header = wanted.header
       and quarantine is distinct from 'held' order by id limit 8)
  ) as found
  order by found.place, found.id`;

/**
 * Who wrote in a thread or was written to, by somebody in it who is vouched for, or by the tenant. Of a very long thread, as
 * many as are read first.
 */
const participantsOfThreads = `
  select wanted.thread_id, found.address
  from (select value::uuid as thread_id from jsonb_array_elements_text($2::jsonb)) as wanted
  cross join lateral (
    (select lower(person ->> 'address') as address
     from (select envelope from messages where tenant_id = $1::uuid and thread_id = wanted.thread_id
             and sender_verdict in ('verified', 'internal') and quarantine is distinct from 'held' limit 500) as m
     cross join lateral jsonb_array_elements((envelope -> 'from') || (envelope -> 'to') || (envelope -> 'cc')) as person)
    union
    (select lower(address)
     from (select id from submissions where tenant_id = $1::uuid and thread_id = wanted.thread_id limit 500) as s
     join submission_recipients r on r.submission_id = s.id)
  ) as found`;

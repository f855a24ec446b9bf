import { newId, type TenantId, ThreadId, untrusted } from "@mailfleet/domain";
import { ancestors, chooseThread, type KnownThreads, keysOf, type Linked, threadJoined } from "./choose-thread.ts";
import type { Sql, Transaction } from "./connection.ts";
import { claimedLinks, readSubject, subjectsSince, type ThreadClaim } from "./thread-links.ts";

/**
 * The thread of each message: that of the nearest message it answers, received or sent by the same mailbox, in whose thread
 * its author takes part; or a new one. Never another mailbox's, whatever a header claims.
 */
export async function resolveThreads(
  tx: Transaction,
  tenantId: TenantId,
  mailboxId: string,
  messages: readonly Linked[],
  now: Date,
): Promise<readonly ThreadId[]> {
  const known = await threadsOf(tx, tenantId, mailboxId, { messages, now });
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
  now: Date,
): Promise<readonly boolean[]> {
  const claimed = messages.map((message) => claimedLinks(message, now));
  const known = await threadsOf(sql, tenantId, mailboxId, { messages: claimed, now });
  return claimed.map((links) => threadJoined(links, known) !== undefined);
}

async function threadsOf(
  tx: Pick<Transaction, "unsafe">,
  tenantId: TenantId,
  mailboxId: string,
  { messages, now }: { readonly messages: readonly Linked[]; readonly now: Date },
): Promise<KnownThreads> {
  const known: KnownThreads = { byKey: new Map(), participants: new Map() };
  const learn = (key: string, row: Record<string, unknown>) => {
    const threadId = ThreadId.parse(row["thread_id"]);
    known.byKey.set(key, [...(known.byKey.get(key) ?? []), threadId]);
    known.participants.set(threadId, new Set());
  };
  const ask = async (statement: string, wanted: readonly string[]) =>
    wanted.length === 0 ? [] : tx.unsafe(statement, [tenantId, mailboxId, JSON.stringify([...new Set(wanted)])]);

  for (const row of await ask(threadsOfHeaders, messages.flatMap(ancestors)))
    learn(keysOf.header(String(row["message_id_header"])), row);
  const conversations = messages.flatMap(({ providerThread }) => providerThread ?? []);
  for (const row of await ask(threadsOfProvider, conversations))
    learn(keysOf.provider(String(row["provider_thread_id"])), row);
  const subjects = new Set(messages.flatMap(({ subject, answersSubject }) => (answersSubject ? (subject ?? []) : [])));
  if (subjects.size > 0) {
    for (const row of await tx.unsafe(recentSubjects, [tenantId, mailboxId, ...sinceOf(now)])) {
      const { subject } = readSubject(untrusted(String(row["subject"] ?? "")));
      if (subject !== null && subjects.has(subject)) learn(keysOf.subject(subject), row);
    }
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

/** The least id that was made since then, which begins with its milliseconds (RFC 9562 §5.7), and the moment itself. */
function sinceOf(now: Date): readonly [string, string] {
  const since = subjectsSince(now);
  const hex = since.getTime().toString(16).padStart(12, "0");
  return [`${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`, since.toISOString()];
}

/** Of one conversation at the provider, what is oldest here. */
const threadsOfProvider = `
  select found.provider_thread_id, found.thread_id
  from jsonb_array_elements_text($3::jsonb) as wanted(id)
  cross join lateral (
    select id, provider_thread_id, thread_id from messages
    where tenant_id = $1::uuid and mailbox_id = $2::uuid and provider_thread_id = wanted.id
      and quarantine is distinct from 'held' order by id limit 8
  ) as found
  order by found.id`;

/** Where a subject is looked for: among the tenant's latest that were received within two weeks. */
const recentSubjects = `
  select subject, thread_id from (
    select id, mailbox_id, envelope ->> 'subject' as subject, thread_id, quarantine, received_at from messages
    where tenant_id = $1::uuid and id > $3::uuid order by id desc limit 200
  ) as latest
  where mailbox_id = $2::uuid and quarantine is distinct from 'held' and received_at >= $4::timestamptz
  order by id desc`;

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

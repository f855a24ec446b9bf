import type { MailboxId, SubmissionId, TenantId } from "@mailfleet/domain";
import { reserveSend, type SendingBook, type SendingLimits, sendingLimitsOf } from "@mailfleet/scheduling";
import type { Sql, Transaction } from "../connection.ts";
import { sortedJson } from "./held-rows.ts";

/** A submission that someone wants to begin with. */
export type WantedSend = {
  readonly id: SubmissionId;
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly host: string | null;
  readonly recipientsCount: number;
  /** Reserved before; it may begin from then on. */
  readonly slotAt: Date | null;
  readonly acceptedAt: Date;
};

type Limited = WantedSend & { readonly limits: SendingLimits };

/** As soon as this counts as now: a job is not put off for less than it takes to put it off. */
const nowMs = 100;
/** How long a send waits for one of its mailbox's connections, which are all in use. */
const busyMs = 2_000;

/**
 * When each may begin that must not begin now, by its id: what the provider takes from a mailbox in a minute, in a day and at
 * once is kept across the whole fleet. A moment that was given away is kept for whoever got it.
 */
export async function reserveSends(
  sql: Sql,
  wanted: readonly WantedSend[],
  now: Date,
): Promise<ReadonlyMap<string, Date>> {
  const limited = wanted.flatMap((send): readonly Limited[] => {
    const limits = send.host === null ? null : sendingLimitsOf(send.host);
    return limits === null ? [] : [{ ...send, limits }];
  });
  if (limited.length === 0) return new Map();
  return sql.begin((tx) => reserve(tx, limited, now)) as Promise<ReadonlyMap<string, Date>>;
}

async function reserve(tx: Transaction, limited: readonly Limited[], now: Date): Promise<ReadonlyMap<string, Date>> {
  const books = await lockBooks(tx, limited);
  const later = new Map<string, Date>();
  for (const send of limited.toSorted((a, b) => a.acceptedAt.getTime() - b.acceptedAt.getTime())) {
    const entry = books.get(send.mailboxId);
    if (entry === undefined) continue; // the mailbox is gone, which the attempt finds out
    const at = momentOf(send, entry, now);
    if (at.getTime() > now.getTime() + nowMs) later.set(send.id, at);
    else entry.openCount += 1;
  }
  await writeBooks(tx, books);
  await tx`
    update submissions s set slot_at = a.at
    from jsonb_to_recordset(${sortedJson(limited.map(({ id }) => ({ id, at: later.get(id) ?? null })))}::jsonb) as a(id uuid, at timestamptz)
    where s.id = a.id`;
  return later;
}

type Entry = { book: SendingBook; openCount: number };

function momentOf({ limits, slotAt, recipientsCount }: Limited, entry: Entry, now: Date): Date {
  if (slotAt !== null && slotAt > now) return slotAt;
  if (limits.connectionsMax !== null && entry.openCount >= limits.connectionsMax)
    return new Date(now.getTime() + busyMs);
  if (slotAt !== null) return now;
  const reserved = reserveSend(entry.book, limits, { now: now.getTime(), recipientsCount });
  entry.book = reserved.book;
  return new Date(reserved.at);
}

async function lockBooks(tx: Transaction, limited: readonly Limited[]): Promise<Map<string, Entry>> {
  const mailboxes = [
    ...new Map(limited.map(({ mailboxId, tenantId }) => [mailboxId, { id: mailboxId, tenantId }])).values(),
  ];
  const asked = sortedJson(mailboxes);
  await tx`
    insert into mailbox_sending (mailbox_id, tenant_id, free_at)
    select m.id, m.tenant_id, now() from jsonb_to_recordset(${asked}::jsonb) as a(id uuid, "tenantId" uuid)
    join mailboxes m on m.id = a.id and m.tenant_id = a."tenantId" order by m.id
    on conflict do nothing`;
  const rows = await tx`
    select m.mailbox_id, m.free_at, m.hours,
      (select count(*)::int from submissions s where s.mailbox_id = a.id and s.state = 'transmitting') as open_count
    from jsonb_to_recordset(${asked}::jsonb) as a(id uuid)
    cross join lateral (
      select mailbox_id, free_at, hours from mailbox_sending where mailbox_id = a.id limit 1 for no key update
    ) m`;
  return new Map(
    rows.map((row) => [
      String(row["mailbox_id"]),
      {
        book: { freeAt: new Date(String(row["free_at"])).getTime(), hours: row["hours"] as SendingBook["hours"] },
        openCount: Number(row["open_count"]),
      },
    ]),
  );
}

async function writeBooks(tx: Transaction, books: ReadonlyMap<string, Entry>): Promise<void> {
  const rows = [...books].map(([id, { book }]) => ({ id, freeAt: new Date(book.freeAt), hours: book.hours }));
  await tx`
    update mailbox_sending m set free_at = a."freeAt", hours = a.hours
    from jsonb_to_recordset(${sortedJson(rows)}::jsonb) as a(id uuid, "freeAt" timestamptz, hours jsonb)
    where m.mailbox_id = a.id`;
}

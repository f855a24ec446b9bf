import type { MailboxId } from "@mailfleet/domain";
import postgres from "postgres";
import { expect, it } from "vitest";
import { addTenant, type Fixture, openFixture, sweepGrant } from "./fixture.ts";
import { storeOldMessages } from "./old-messages.ts";

const overdueCount = 100_000;
const youngCount = 20_000;
const storedAtOnce = 20_000;
/** A small part of what the sweep does on two cores, so that a slow machine passes and a scan of the table does not. */
const rowsPerSecondMin = 500;

it("a sweep reads along indexes, and never through a table", { timeout: 180_000 }, async () => {
  const fixture = await openFixture();
  const watching = postgres(fixture.url, { max: 1 });
  try {
    await fillTenant(fixture);
    await fixture.sql.end(); // what it read is counted from here on
    const readBefore = await sequentiallyRead(watching);
    const { messages, ms } = await sweep(fixture);
    await fixture.database.close();
    const readMeanwhile = (await sequentiallyRead(watching)) - readBefore;

    const perSecond = (1_000 * messages) / ms;
    const hours = (10_000_000 / perSecond / 3_600).toFixed(2);
    console.info(`${Math.round(perSecond)} messages/s, each with an attachment; one scheduler: 10 M in ${hours} h`);
    expect(messages).toBe(overdueCount);
    expect(perSecond).toBeGreaterThan(rowsPerSecondMin);
    expect(readMeanwhile).toBe(0);
    const [left] = await watching`select count(*)::int as messages from messages`;
    expect(left).toEqual({ messages: youngCount * 2 });
  } finally {
    await Promise.allSettled([watching.end(), fixture.close()]);
  }
});

/** Old mail, among it as much in quarantine as there is young mail; and the tenant keeps messages for 30 days. */
async function fillTenant(fixture: Fixture): Promise<void> {
  const { sql } = fixture;
  const { tenantId, mailboxIds } = await addTenant(fixture);
  const mailbox = { tenantId, mailboxId: mailboxIds[0] as MailboxId };
  for (let stored = 0; stored < overdueCount; stored += storedAtOnce)
    await storeOldMessages(sql, { ...mailbox, ageDays: 60, count: storedAtOnce });
  await storeOldMessages(sql, { ...mailbox, ageDays: 3, count: youngCount });
  await storeOldMessages(sql, { ...mailbox, ageDays: 60, count: youngCount, quarantine: "held" });
  await sql`
    insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace, at)
    select ${tenantId}, ${mailbox.mailboxId}, n, 'message.received', ${tenantId}, 'n', now() - case when n <= 1000 then interval '60 days' else interval '1 day' end
    from generate_series(1, ${youngCount}::int) n`;
  await sql`analyze messages, attachments, events`;
  await sql`
    insert into tenant_retention (tenant_id, messages_days, quarantine_days, submissions_days, events_days)
    values (${tenantId}, 30, 90, 30, 30)`;
}

async function sweep({ database, ...fixture }: Fixture): Promise<{ messages: number; ms: number }> {
  const startedAt = performance.now();
  let messages = 0;
  for (;;) {
    const turn = await database.fleet.retention.turn(await sweepGrant({ database, ...fixture }));
    if (turn === null) return { messages, ms: performance.now() - startedAt };
    messages += turn.messages;
  }
}

/** Rows of the large tables that were met without an index, by sessions that have ended: these have told all they did. */
async function sequentiallyRead(sql: postgres.Sql): Promise<number> {
  await expect
    .poll(async () => {
      const [row] = await sql`
        select count(*)::int as others from pg_stat_activity
        where datname = current_database() and application_name !~ 'test' and pid <> pg_backend_pid()
          and backend_type = 'client backend'`;
      return row?.["others"];
    })
    .toBe(0);
  const [row] = await sql`
    select sum(seq_tup_read)::int as read from pg_stat_user_tables where relname ~ '^(messages|attachments|message_locations|events|submissions|sent_copies|reconciliations)'`;
  return Number(row?.["read"]);
}

import { Epoch, type MailboxId, newId, SubmissionId, type TenantId, ThreadId } from "@mailfleet/domain";
import type { Actor } from "@mailfleet/gate";
import postgres from "postgres";
import { expect, it } from "vitest";
import { addActor, addTenant, type Fixture, openFixture, runGrant } from "./fixture.ts";

const storedCount = 20_000;
const deliveriesCount = 20;
/** Each of a delivery's statements reads a few rows of a submission and its recipient; one that goes through them reads thousands. */
const rowsEachMax = 100;
const epoch = Epoch.parse(1);
const minuteMs = 60_000;

type Sender = { readonly tenantId: TenantId; readonly mailboxId: MailboxId; readonly agent: Actor };

it("a delivery reads as little of 20,000 submissions as of one, whatever PostgreSQL knows of the table", {
  timeout: 120_000,
}, async () => {
  const fixture = await openFixture();
  const watching = postgres(fixture.url, { max: 1 });
  try {
    const { sql } = fixture;
    await sql`alter table submissions set (autovacuum_enabled = off)`;
    await sql`alter table submission_recipients set (autovacuum_enabled = off)`;
    const sender = await addSender(fixture);
    const [first = newId(SubmissionId)] = await insertClaimed(fixture, sender, 1);
    for (let times = 0; times < 100; times++) await deliver(fixture, sender, first); // by now every connection keeps its plans
    const ids = await insertClaimed(fixture, sender, storedCount);
    await sql.end(); // what it read is counted from here on
    const before = await rowsRead(watching);
    for (const id of ids.slice(0, deliveriesCount)) await deliver(fixture, sender, id);
    await fixture.database.close();
    expect((await rowsRead(watching)) - before).toBeLessThan(deliveriesCount * rowsEachMax);
  } finally {
    await Promise.allSettled([watching.end(), fixture.close()]);
  }
});

async function addSender(fixture: Fixture): Promise<Sender> {
  const { tenantId, mailboxIds } = await addTenant(fixture);
  const mailboxId = mailboxIds[0] as MailboxId;
  const smtp = fixture.sql.json({ host: "mail.acme.example", port: 587, security: "starttls" });
  await fixture.sql`update mailboxes set smtp = ${smtp} where id = ${mailboxId}`;
  return { tenantId, mailboxId, agent: await addActor(fixture, tenantId) };
}

async function insertClaimed({ sql }: Fixture, { tenantId, mailboxId, agent }: Sender, count: number) {
  const ids = Array.from({ length: count }, () => newId(SubmissionId));
  const rows = sql`unnest(${ids}::uuid[], ${ids.map(() => newId(ThreadId))}::uuid[]) as a(id, thread)`;
  await sql`
    insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state, epoch, next_due,
      message_id_header, thread_id, envelope_from, raw, size_bytes)
    select id, ${tenantId}, ${mailboxId}, 'n', ${agent.id}, id, '', 'claimed', 1, now() + interval '1 hour',
      '<' || id || '@example.com>', thread, 'a@example.com', '{}', 10 from ${rows}`;
  await sql`
    insert into submission_recipients (submission_id, tenant_id, address)
    select id, ${tenantId}, 'reader@example.com' from ${rows}`;
  return ids;
}

/** Every statement of a delivery, in their order, but for the outcome that ends it. */
async function deliver(fixture: Fixture, sender: Sender, id: SubmissionId): Promise<void> {
  const { database, gate } = fixture;
  const { tenantId, mailboxId, agent: actor } = sender;
  const held = { id, epoch };
  await database.fleet.submissions.take(await runGrant(fixture), held);
  const resource = { tenantId, mailboxId, subjectId: id };
  const grant = await gate.authorize({ actor, action: "submission.deliver", resource });
  expect(await database.submissions.deliverable(grant, id)).toMatchObject({ recipients: [{ state: "waiting" }] });
  const verdicts = [{ classifier: "rules", version: "1", labels: [], answered: true }];
  await database.fleet.submissionClaims.start(await runGrant(fixture), held, minuteMs, verdicts);
}

/** Rows of submissions that statements met, by sessions that have ended: these have told all they did. */
async function rowsRead(sql: postgres.Sql): Promise<number> {
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
    select sum(seq_tup_read + idx_tup_fetch)::int as read from pg_stat_user_tables
    where relname in ('submissions', 'submission_recipients')`;
  return Number(row?.["read"]);
}

import { createHash, randomUUID } from "node:crypto";
import { ActorId, Epoch, MailboxId, newId, TenantId } from "@mailfleet/domain";
import { channelActor, createGate, type Gate, processActor, storedActor } from "@mailfleet/gate";
import { testDatabaseUrl } from "@mailfleet/testkit";
import postgres from "postgres";
import { type Database, migrateDatabase, openDatabase } from "../src/index.ts";

export type Fixture = {
  readonly url: string;
  readonly database: Database;
  readonly gate: Gate;
  /** The tables themselves, for arranging and looking. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
};

export async function openFixture(): Promise<Fixture> {
  const url = await testDatabaseUrl();
  await migrateDatabase(url);
  const database = await openDatabase({ url, poolSizeMax: 8, applicationName: "test" });
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now: () => new Date() });
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  return {
    url,
    database,
    gate,
    sql,
    async close() {
      await database.close();
      await sql.end();
    },
  };
}

export type Tenant = { readonly tenantId: TenantId; readonly mailboxIds: readonly MailboxId[] };

const generous = { ratePerSecond: 1_000_000, burst: 1_000_000, inFlightMax: 1_000_000 };

/** A tenant with active mailboxes that are due now. */
export async function addTenant(
  { sql }: Fixture,
  options: { mailboxes?: number; limits?: Partial<typeof generous>; weight?: number } = {},
): Promise<Tenant> {
  const tenantId = newId(TenantId);
  const key = `t-${randomUUID().slice(0, 8)}`;
  const limits = { ...generous, ...options.limits };
  await sql`insert into tenants (id, key, namespace, weight) values (${tenantId}, ${key}, ${key}, ${options.weight ?? 1})`;
  for (const kind of ["poll", "deliver"]) {
    await sql`
      insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
      values (${tenantId}, ${kind}, ${limits.ratePerSecond}, ${limits.burst}, ${limits.inFlightMax}, ${limits.burst})`;
  }
  const server = sql.json({ host: "127.0.0.1", port: 993, security: "tls" });
  const mailboxIds = Array.from({ length: options.mailboxes ?? 1 }, () => newId(MailboxId));
  for (const [index, id] of mailboxIds.entries()) {
    const identity = createHash("sha256").update(id).digest();
    await sql`
      insert into mailboxes (id, tenant_id, key, address, imap, start_from, state, identity, proven_at, next_due)
      values (${id}, ${tenantId}, ${`m${index}`}, ${`m${index}@${key}.example`}, ${server}, 'now', 'active', ${identity}, now(), now())`;
  }
  return { tenantId, mailboxIds };
}

export async function addActor({ sql }: Fixture, tenantId: TenantId) {
  const id = newId(ActorId);
  await sql`insert into actors (id, tenant_id, kind, name) values (${id}, ${tenantId}, 'agent', ${id})`;
  return storedActor({ id, kind: "agent", tenantId, actions: null, mailboxIds: null });
}

export const claimGrant = ({ gate }: Fixture) =>
  gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
export const sweepGrant = ({ gate }: Fixture) =>
  gate.authorize({ actor: processActor("scheduler"), action: "fleet.sweep", resource: {} });
export const provisionGrant = ({ gate }: Fixture) =>
  gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
export const runGrant = ({ gate }: Fixture) =>
  gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
export const pollGrant = ({ gate }: Fixture, tenantId: TenantId, mailboxId: MailboxId) =>
  gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } });

/** Claims and starts one mailbox, as a worker that was given its job. */
export async function startRun(fixture: Fixture, mailboxId: MailboxId, runMs = 60_000): Promise<Epoch> {
  const rows = await fixture.sql`
    update mailboxes set work_state = 'claimed', epoch = epoch + 1, next_due = now() + interval '1 minute'
    where id = ${mailboxId} returning epoch`;
  const epoch = Epoch.parse(Number(rows[0]?.["epoch"]));
  const started = await fixture.database.fleet.mailboxClaims.start(
    await runGrant(fixture),
    { id: mailboxId, epoch },
    runMs,
  );
  if (started === null) throw new Error("the run did not start");
  return epoch;
}

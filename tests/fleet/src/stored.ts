import { createHash } from "node:crypto";
import type { BlobRef, MailboxId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { expect } from "vitest";
import type { Fleet, TestTenant } from "./open-fleet.ts";

/** What the schedule and the fence know of a mailbox. */
export type MailboxWork = {
  readonly state: string;
  readonly state_reason: string | null;
  readonly work_state: string;
  readonly epoch: number;
  readonly failures_count: number;
  readonly last_failure: string | null;
  readonly next_due: Date | null;
};

export async function workOf({ sql }: Fleet, mailboxId: MailboxId): Promise<MailboxWork> {
  const [row] = await sql<MailboxWork[]>`
    select state, state_reason, work_state, epoch::int as epoch, failures_count, last_failure, next_due
    from mailboxes where id = ${mailboxId}`;
  if (row === undefined) throw new Error("there is no such mailbox");
  return row;
}

export async function storedCount({ sql }: Fleet, ...mailboxIds: readonly MailboxId[]): Promise<number> {
  const [row] =
    await sql`select count(*)::int as count from messages where mailbox_id = any(${[...mailboxIds] as string[]})`;
  return Number(row?.["count"]);
}

export async function allEventsOf({ sql }: Fleet, mailboxId: MailboxId) {
  return sql<{ seq: number; type: string; subject_id: string }[]>`
    select seq::int as seq, type, subject_id from events where mailbox_id = ${mailboxId} order by seq`;
}

/** Tests set short bounds and then keep the fleet from looking; that it says so is another test's business. */
export async function eventsOf(fleet: Fleet, mailboxId: MailboxId) {
  const events = await allEventsOf(fleet, mailboxId);
  return events.filter(({ type }) => type !== "mailbox.stale" && type !== "mailbox.fresh");
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Each of these contents is stored in this mailbox once: one row, one place, one event, and its bytes can be read. Nothing
 * else is, and the events are numbered without a gap.
 */
export async function expectStoredOnce(
  fleet: Fleet,
  tenant: TestTenant,
  mailboxId: MailboxId,
  delivered: readonly Uint8Array[],
): Promise<void> {
  const rows = await fleet.sql<{ id: string; sha256: string; raw: BlobRef; body: BlobRef | null; type: string }[]>`
    select id, encode(raw_sha256, 'hex') as sha256, raw, body,
      case when quarantine is null then 'message.received' else 'message.quarantined' end as type from messages where mailbox_id = ${mailboxId}`;
  expect(rows.map((row) => row.sha256).sort()).toEqual(delivered.map(sha256).sort());
  const ids = rows.map(({ id }) => id).sort();

  const places = await fleet.sql<{ uid: number; message_id: string }[]>`
    select uid::int as uid, message_id from message_locations where mailbox_id = ${mailboxId} order by uid`;
  expect(places.map(({ uid }) => uid)).toEqual(delivered.map((_, index) => index + 1));
  expect(places.map(({ message_id }) => message_id).sort()).toEqual(ids);

  const all = await allEventsOf(fleet, mailboxId);
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
  // Tests suspend, rotate, and set short bounds; that the fleet says so is another test's business.
  const events = all.filter(({ type }) => type.startsWith("message."));
  const told = events.map(({ type, subject_id }) => `${type} ${subject_id}`);
  expect(told.sort()).toEqual(rows.map(({ type, id }) => `${type} ${id}`).sort());

  const grant = await readingGrant(fleet, tenant);
  for (const { raw, body, sha256: expected } of rows) {
    expect(sha256(await readBlob(fleet, grant, raw))).toBe(expected);
    if (body !== null) expect(JSON.parse((await readBlob(fleet, grant, body)).toString())).toHaveProperty("text");
  }
  await expectAttachmentsReadable(fleet, grant, ids);
}

function readingGrant({ gate }: Fleet, { tenantId, agent }: TestTenant): Promise<Grant<"message.read">> {
  return gate.authorize({ actor: agent, action: "message.read", resource: { tenantId } });
}

async function readBlob({ blobs }: Fleet, grant: Grant, ref: BlobRef): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(blobs.read(grant, ref)));
}

async function expectAttachmentsReadable(fleet: Fleet, grant: Grant, messageIds: readonly string[]): Promise<void> {
  const rows = await fleet.sql<{ sha256: string; blob: BlobRef }[]>`
    select encode(sha256, 'hex') as sha256, blob from attachments where message_id = any(${[...messageIds]})`;
  for (const row of rows) expect(sha256(await readBlob(fleet, grant, row.blob))).toBe(row.sha256);
}

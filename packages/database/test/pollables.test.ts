import type { MailboxId, TenantId } from "@mailfleet/domain";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addTenant, type Fixture, openFixture, pollGrant, startRun } from "./fixture.ts";

let fixture: Fixture;
let tenantId: TenantId;
let mailboxId: MailboxId;
beforeEach(async () => {
  fixture = await openFixture();
  ({ tenantId, mailboxId } = await oneMailbox());
});
afterEach(() => fixture.close());

async function oneMailbox(): Promise<{ tenantId: TenantId; mailboxId: MailboxId }> {
  const { tenantId, mailboxIds } = await addTenant(fixture);
  return { tenantId, mailboxId: mailboxIds[0] as MailboxId };
}

describe("what a pass begins with", () => {
  it("is its own mailbox's, asked at the same moment as others, and of another tenant's it is nothing", async () => {
    const other = await oneMailbox();
    const mine = await pollGrant(fixture, tenantId, mailboxId);
    const theirs = await pollGrant(fixture, other.tenantId, other.mailboxId);
    const cursor = { uidValidity: 7n, lastUid: 2, highestModseq: 9n, startedAt: new Date(0) };
    const epoch = await startRun(fixture, mailboxId);
    const page = { epoch, folder: "INBOX", uidValidity: 7n, cursor, messages: [], unreadable: [], last: true };
    await fixture.database.inbox.storePage(mine, page);

    const { mailboxes } = fixture.database;
    const [own, second, crossing] = await Promise.all([
      mailboxes.pollable(mine, mailboxId),
      mailboxes.pollable(theirs, other.mailboxId),
      mailboxes.pollable(mine, other.mailboxId),
    ]);
    expect(own).toMatchObject({ folder: "INBOX", cursor });
    expect(second).toMatchObject({ folder: "INBOX", cursor: null });
    expect(crossing).toBeNull();
  });

  it("is what the mailbox's row says, in its types", async () => {
    await fixture.sql`update mailboxes set more_folders = '{Archive,"a, b"}', backfill_ms = 86400000 where id = ${mailboxId}`;
    const grant = await pollGrant(fixture, tenantId, mailboxId);
    const row = await fixture.database.mailboxes.find(grant, mailboxId);
    const { cursor, ...rest } = (await fixture.database.mailboxes.pollable(grant, mailboxId)) ?? {};
    expect(cursor).toBeNull();
    expect(row).toMatchObject(rest);
    expect(rest).toMatchObject({ moreFolders: ["Archive", "a, b"], backfillMs: 86_400_000 });
  });
});

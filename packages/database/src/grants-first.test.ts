import { MailboxId, MessageId, newId, SubmissionId, TenantId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { describe, expect, expectTypeOf, it } from "vitest";
import { connect } from "./connection.ts";
import { createMessages } from "./messages.ts";
import type { Database } from "./open-database.ts";

const mailboxId = newId(MailboxId);
const messageId = newId(MessageId);
const submissionId = newId(SubmissionId);
const tenantId = newId(TenantId);

/** Compiled by the type check and never called: a line that begins to compile is an error there. */
export function wrongCalls(
  database: Database,
  grants: {
    list: Grant<"message.list">;
    read: Grant<"message.read">;
    poll: Grant<"mailbox.poll">;
    claim: Grant<"fleet.claim">;
  },
): void {
  // @ts-expect-error no grant
  void database.messages.find(messageId);
  // @ts-expect-error a tenant's id is no grant
  void database.messages.find(tenantId, messageId);
  // @ts-expect-error a grant to list does not read
  void database.messages.find(grants.list, messageId);
  // @ts-expect-error a grant to read does not list
  void database.messages.list(grants.read, { limit: 1 });
  // @ts-expect-error a poll's grant reads no submission
  void database.submissions.find(grants.poll, submissionId);
  // @ts-expect-error a tenant's grant opens no work across tenants
  void database.fleet.status.tenants(grants.read);
  // @ts-expect-error work across tenants opens no tenant's mailbox
  void database.mailboxes.find(grants.claim, mailboxId);
  // @ts-expect-error a claim is not a run
  void database.fleet.mailboxClaims.heartbeat(grants.claim, { id: mailboxId, epoch: 1 }, 1);
  // @ts-expect-error an object that looks like a grant is none
  void database.messages.find({ ...grants.read }, messageId);
}

describe("a repository", () => {
  it("takes a grant of the right action first, or the call does not compile", () => {
    expectTypeOf<Parameters<Database["messages"]["find"]>[0]>().toEqualTypeOf<Grant<"message.read">>();
    expectTypeOf<Parameters<Database["messages"]["list"]>[0]>().toEqualTypeOf<Grant<"message.list">>();
    expectTypeOf<Parameters<Database["inbox"]["storePage"]>[0]>().toEqualTypeOf<Grant<"mailbox.poll">>();
    expectTypeOf<Parameters<Database["fleet"]["mailboxClaims"]["claim"]>[0]>().toEqualTypeOf<Grant<"fleet.claim">>();
  });

  it("refuses a forged grant before it says a word to the database", async () => {
    const nowhere = connect({
      url: "postgres://127.0.0.1:1/x",
      poolSizeMax: 1,
      applicationName: "test",
      now: () => new Date(),
    });
    const forged = { action: "message.read", tenantId, mailboxId: null, expiresAt: new Date(Date.now() + 60_000) };
    const reading = createMessages(nowhere).find(forged as unknown as Grant<"message.read">, messageId);
    await expect(reading).rejects.toMatchObject({ code: "gate.denied" });
  });
});

import { type MailboxId, MessageId, newId, SubmissionId, type TenantId, ThreadId } from "@mailfleet/domain";
import type { Actor } from "@mailfleet/gate";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { NewSubmission } from "../src/index.ts";
import { addActor, addTenant, type Fixture, openFixture, pollGrant, startRun } from "./fixture.ts";
import { judgedMessage, judgedPage } from "./judged-message.ts";

const people = ["ada@a.example", "bob@b.example", "cy@a.example", "dan@d.example"] as const;
const lists = [[], ["ada@a.example"], ["@a.example"], ["@b.example", "cy@a.example"]] as const;
const policies = ["replies-only", "known-correspondents", "allow-list", "open"] as const;

let fixture: Fixture;
let tenantId: TenantId;
let mailboxId: MailboxId;
let agent: Actor;
/** The stored message of each person, as it was judged. */
const received = new Map<string, { id: MessageId; attributed: boolean }>();

beforeAll(async () => {
  fixture = await openFixture();
  const tenant = await addTenant(fixture);
  tenantId = tenant.tenantId;
  mailboxId = tenant.mailboxIds[0] as MailboxId;
  agent = await addActor(fixture, tenantId);
  const epoch = await startRun(fixture, mailboxId);
  const grant = await pollGrant(fixture, tenantId, mailboxId);
  // Ada is believed; Bob is believed and held; Cy claims to be somebody; Dan has never written.
  const judged = [
    judgedMessage(1, { senderVerdict: "verified", attributedTo: "ada@a.example" }),
    judgedMessage(2, {
      senderVerdict: "verified",
      attributedTo: "bob@b.example",
      quarantineReason: "executable-attachment",
    }),
    judgedMessage(3, { senderVerdict: "unverified" }),
  ];
  await fixture.database.inbox.storePage(grant, judgedPage(epoch, judged));
  const rows =
    await fixture.sql`select m.id, p.uid::int from messages m join message_locations p on p.message_id = m.id`;
  for (const { id, uid } of rows) {
    received.set(people[Number(uid) - 1] ?? "", { id: MessageId.parse(id), attributed: uid === 1 });
  }
});
afterAll(() => fixture.close());

const anyCase = fc.record({
  policy: fc.constantFrom(...policies),
  list: fc.constantFrom(...lists),
  recipients: fc.uniqueArray(fc.constantFrom(...people), { minLength: 1, maxLength: 3 }),
  answered: fc.option(fc.constantFrom("ada@a.example", "bob@b.example", "cy@a.example")),
  upperCase: fc.boolean(),
});
type Case = typeof anyCase extends fc.Arbitrary<infer Value> ? Value : never;

function expected({ policy, list, recipients, answered }: Case): boolean {
  const onList = (address: string) =>
    (list as readonly string[]).some(
      (pattern) => pattern === address || (address.endsWith(pattern) && pattern.startsWith("@")),
    );
  if (policy === "open") return true;
  if (policy === "known-correspondents") return recipients.every((address) => address === "ada@a.example");
  if (policy === "allow-list") return recipients.every(onList);
  return answered === "ada@a.example" && recipients.every((address) => address === "ada@a.example");
}

it("a submission is accepted and delivered exactly where stored facts allow each of its recipients", async () => {
  const { gate, database, sql } = fixture;
  let acceptedCount = 0;
  const property = fc.asyncProperty(anyCase, async (given) => {
    const { policy, list, recipients, answered, upperCase } = given;
    await sql`update tenants set outbound_policy = ${policy} where id = ${tenantId}`;
    await sql`delete from allow_list`;
    for (const pattern of list) await sql`insert into allow_list values (${tenantId}, 'recipient', ${pattern})`;
    const answersMessageId = answered === null ? null : (received.get(answered)?.id ?? null);
    const to = upperCase ? recipients.map((address) => address.toUpperCase()) : recipients;
    const resource = { tenantId, mailboxId, recipients: to, answersMessageId };
    const accepting = await gate.authorize({ actor: agent, action: "submission.create", resource }).catch(() => null);
    expect(accepting !== null).toBe(expected(given));

    const id = newId(SubmissionId);
    await sql`
      insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state,
        message_id_header, thread_id, answers_message_id, envelope_from, raw, size_bytes)
      values (${id}, ${tenantId}, ${mailboxId}, 'n', ${agent.id}, ${id}, '', 'held', ${id}, ${newId(ThreadId)},
        ${answersMessageId}, 'x@y', '{}', 1)`;
    for (const address of to)
      await sql`insert into submission_recipients (submission_id, tenant_id, address) values (${id}, ${tenantId}, ${address})`;
    const stored = { tenantId, mailboxId, subjectId: id };
    const delivering = await gate
      .authorize({ actor: agent, action: "submission.deliver", resource: stored })
      .catch(() => null);
    expect(delivering !== null).toBe(expected(given));
    if (accepting === null) return;
    acceptedCount += 1;

    // The yes was for these, and for nobody beside them.
    const submission = {
      ...{
        id: newId(SubmissionId),
        mailboxId,
        actorId: agent.id as never,
        idempotencyKey: newId(SubmissionId),
        answersMessageId,
      },
      ...{ requestSha256: new Uint8Array(32), messageIdHeader: newId(SubmissionId), threadId: newId(ThreadId) },
      ...{ sendAt: null, raw: { segment: "s", offset: 0, length: 1 }, sizeBytes: 1 },
    };
    const more = { ...submission, envelope: { from: "x@y", to: [...to, "eve@e.example"] } };
    await expect(database.submissions.accept(accepting, more)).rejects.toMatchObject({ code: "gate.denied" });
    await database.submissions.accept(accepting, { ...submission, envelope: { from: "x@y", to } });
  });
  await fc.assert(property, { numRuns: 120 });
  expect(acceptedCount).toBeGreaterThan(20);
}, 120_000);

it("a grant that names nobody accepts nothing, and an id that is none finds nothing", async () => {
  const { gate, database } = fixture;
  const resource = { tenantId, mailboxId };
  await fixture.sql`update tenants set outbound_policy = 'replies-only' where id = ${tenantId}`;
  const grant = await gate.authorize({ actor: agent, action: "submission.create", resource });
  const submission = { envelope: { from: "x@y", to: ["ada@a.example"] } } as unknown;
  await expect(database.submissions.accept(grant, submission as NewSubmission)).rejects.toMatchObject({
    code: "gate.denied",
  });
  const misnamed = { ...resource, recipients: ["ada@a.example"], answersMessageId: "' or true --" as MessageId };
  const asking = gate.authorize({ actor: agent, action: "submission.create", resource: misnamed });
  await expect(asking).rejects.toMatchObject({ code: "gate.denied" });
});

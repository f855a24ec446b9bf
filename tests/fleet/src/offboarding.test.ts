import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CredentialId, MailboxId, TenantId } from "@mailfleet/domain";
import { verifyReport } from "@mailfleet/gate";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { createLocalKeyManagement } from "@mailfleet/vault";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dump, dumpDatabase } from "./dump-database.ts";
import { openCredentialOfDump } from "./open-dump.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { type OperatorCli, openOperatorCli } from "./operator-cli.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import type { Point, Rewrite } from "./point.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const [leaver, stayer] = ["box@leaver.example", "box@stayer.example"];
const offboard = "apps/cli/src/lifecycle/offboard-tenant.ts";
const offboarding = "packages/database/src/offboarding.ts";
/** How `runCli` tells of a process that a signal ended. */
const killed = -1;
const command = "tenant offboard leaver --confirm leaver --purge-content --json";

/** Along one offboarding, in the order it passes them. */
const points: readonly { readonly name: string; readonly point: Point }[] = [
  { name: "with submissions cancelled and not committed", point: at(offboarding, "if (closed.count === 1) await") },
  { name: "closed, with every credential still there", point: at(offboard, "await offboarding.destroyCredentials(") },
  {
    name: "with the key destroyed and not committed",
    point: at(offboarding, "await tx`delete from staged_credentials"),
  },
  { name: "with the credentials destroyed", point: at(offboard, 'if (contents === "purged") {') },
  { name: "with the content key destroyed", point: at(offboard, "while (await offboarding.purgeSome(") },
  { name: "among the tables", point: at("packages/database/src/purge-content.ts", "deletedCount += rows.count;", 3) },
  { name: "with blobs that no row names", point: at(offboard, "await purgeTenant(") },
  { name: "before its report", point: at(offboard, "const report = await describeOffboarding(") },
  { name: "with a report that nobody kept", point: at(offboard, "return offboarding.keepReport(") },
];

function at(file: string, before: string, hit = 1): Point {
  return { file, before, hit, armed: true };
}

/** The workers of this test let go at once; that they do within 5 s is another test's. */
const hasty: readonly Rewrite[] = [{ file: offboard, find: "const letGoMs = 5_000;", replace: "const letGoMs = 0;" }];

describe("offboarding a tenant", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let cli: OperatorCli;
  let tenant: TestTenant;
  let neighbour: TestTenant;
  let mailboxId: MailboxId;
  let neighbourMailboxId: MailboxId;
  let waiting: string;
  let escaped: { id: CredentialId; version: number; flow: string; sealed: Buffer };
  let wrapped: Buffer;
  let before: Dump;
  const delivered = sampleMails({ count: 20, seed: 9, sizeBytes: 2_000 }).map(({ raw }) => raw);

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [leaver, stayer].map((address) => ({ address, password: "pw" })) });
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    cli = await openOperatorCli(fleet);
    [tenant, neighbour] = [await addTenant(fleet, "leaver"), await addTenant(fleet, "stayer")];
    await fleet.start("scheduler");
    await fleet.start("poll-worker");
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const smtp = { ...imap, port: mail.smtpPort };
    mailboxId = await addActiveMailbox(fleet, tenant, { address: leaver, password: "pw", imap, smtp });
    neighbourMailboxId = await addActiveMailbox(fleet, neighbour, { address: stayer, password: "pw", imap, smtp });
    for (const raw of delivered) for (const address of [leaver, stayer]) mail.deliver(address, raw);
    for (const id of [mailboxId, neighbourMailboxId])
      await until("the mail", async () => (await storedCount(fleet, id)) === delivered.length);
    const { tenantId, agent } = tenant;
    const request = sendRequest({ tenantId, mailboxId, key: "waiting", to: "r@elsewhere.example" });
    waiting = (await fleet.send(agent, request)).submissionId; // no send worker runs

    const [row] = await fleet.sql<[typeof escaped]>`select * from credentials where mailbox_id = ${mailboxId}`;
    const [key] =
      await fleet.sql`select wrapped from tenant_keys where owner = ${tenantId} and purpose = 'credentials'`;
    [escaped, wrapped] = [row, key?.["wrapped"] as Buffer];
    before = await dumpDatabase(fleet.sql);
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  const target = () => ({ tenantId: tenant.tenantId, mailboxId });
  const keyFile = () => join(fleet.folder, "local.key");
  const credentialsOf = (dump: Dump) => dump.find(({ table }) => table === "credentials");
  const tenantState = async (tenantId: TenantId) =>
    (await fleet.sql`select state from tenants where id = ${tenantId}`)[0]?.["state"];

  it("was worth doing: until then a dump of the database and the wrapping key open its credential", async () => {
    const opened = await openCredentialOfDump(before, keyFile(), target());
    expect(opened).toEqual({ user: leaver, password: "pw" });
  });

  it("is not done by a command that does not say the key twice", async () => {
    expect(await cli.run("tenant offboard leaver --json")).toMatchObject({ code: 2 });
    expect(await tenantState(tenant.tenantId)).toBe("active");
  });

  it.each(points)("killed $name, is simply run again", async ({ point }) => {
    expect(await cli.run(command, { point, rewrites: hasty })).toMatchObject({ code: killed, stderr: "" });
  });

  it("ends all of it, says so in a report that it signed, and says the same when it is run once more", async () => {
    const ended = await cli.run(command);
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining("backups") });
    const { jws, report } = JSON.parse(ended.stdout) as { jws: string; report: object };
    expect(await verifyReport(jws, await fleet.database.signingKeys.publicKeys())).toEqual(report);
    expect(report).toMatchObject({
      type: "mailfleet.offboarding",
      tenant: { id: tenant.tenantId, key: "leaver", namespace: "leaver" },
      contents: "purged",
      destroyedKeys: [
        { purpose: "content", version: 1, destroyedAt: expect.any(String) },
        { purpose: "credentials", version: 1, destroyedAt: expect.any(String) },
      ],
      remains: { credentials: 0, queuedSubmissions: 0, actorsNotRevoked: 0, content: { messages: 0, submissions: 0 } },
      backups: { mayHold: ["credentials", "content"], openWith: [expect.stringMatching(/^local:/)] },
    });
    const again = JSON.parse((await cli.run(command, { rewrites: hasty })).stdout) as { jws: string };
    expect(again.jws).toBe(jws);
    expect(await cli.run("tenant resume leaver")).toMatchObject({ code: 5 });
  });

  it("leaves nothing that opens the tenant's credentials: not every row there is, with the wrapping key", async () => {
    const dump = await dumpDatabase(fleet.sql);
    const text = dump.map(({ rows }) => rows).join("\n");
    expect(text).toContain(tenant.tenantId);
    for (const secret of [escaped.sealed, wrapped]) expect(text).not.toContain(secret.toString("hex"));
    await expect(openCredentialOfDump(dump, keyFile(), target())).rejects.toMatchObject({ code: "credential.missing" });
    const spliced = dump.map((part) => (part.table === "credentials" ? (credentialsOf(before) ?? part) : part));
    const opening = openCredentialOfDump(spliced, keyFile(), target());
    await expect(opening).rejects.toMatchObject({ code: "credential.unreadable" });

    // Not even a sealed credential that got away before: no key that unwraps is left beside it.
    const management = await createLocalKeyManagement({ keyFile: keyFile() });
    const keys =
      await fleet.sql`select purpose, version, key_id, wrapped from tenant_keys where owner = ${tenant.tenantId}`;
    for (const key of keys) {
      const context = { owner: tenant.tenantId, purpose: key["purpose"], version: Number(key["version"]) };
      const stored = { keyId: String(key["key_id"]), ciphertext: key["wrapped"] as Uint8Array };
      const unwrapping = management.unwrap(stored, context, { signal: AbortSignal.timeout(5_000) });
      await expect(unwrapping).rejects.toMatchObject({ code: "credential.unreadable" });
    }
    expect(keys.length).toBeGreaterThan(0);
  });

  it("leaves no mail, no blob, no address and nothing to do of it", async () => {
    expect(existsSync(join(fleet.folder, "blobs", tenant.tenantId))).toBe(false);
    expect(await storedCount(fleet, mailboxId)).toBe(0);
    const [row] = await fleet.sql`select address, state, proven_at, next_due from mailboxes where id = ${mailboxId}`;
    expect(row).toEqual({ address: "purged@invalid", state: "disconnected", proven_at: null, next_due: null });
    await expect(submissionOf(fleet, waiting)).rejects.toThrow("no such submission");
    const told =
      await fleet.sql`select type from events where tenant_id = ${tenant.tenantId} order by seq desc limit 2`;
    expect(told.map(({ type }) => type)).toEqual(["tenant.offboarded", "submission.cancelled"]);
    await expect(readFile(keyFile())).resolves.toBeDefined();
  });

  it("touches nobody else", async () => {
    const { epoch } = await workOf(fleet, neighbourMailboxId);
    await until("its polls", async () => (await workOf(fleet, neighbourMailboxId)).epoch >= epoch + 2);
    await expectStoredOnce(fleet, neighbour, neighbourMailboxId, delivered);
  });
});

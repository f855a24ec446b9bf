import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { type OperatorCli, openOperatorCli } from "./operator-cli.ts";
import { arm, type Point } from "./point.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const address = "box@orphans.example";
const password = "pw";
const kills = 3;
const betweenSegmentAndRows: Point = {
  file: "apps/poll-worker/src/store-page.ts",
  before: "return await inbox.storePage(grant, page);",
  hit: 1,
};

describe("segments of workers that were killed before their rows were written", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let tenant: TestTenant;
  let cli: OperatorCli;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [{ address, password }] });
    const env = { POLL_RUN_MS: "1000", POLL_PAGE_MESSAGES: "10", SCHEDULER_CLAIM_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    tenant = await addTenant(fleet, "orphans");
    cli = await openOperatorCli(fleet);
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  const segmentFiles = async () => {
    const names = await readdir(join(fleet.folder, "blobs"), { recursive: true, withFileTypes: true });
    return names.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  };
  const sweep = async (options = "") => {
    const { code, stdout, stderr } = await cli.run(`blob sweep --json ${options}`.trim());
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as { segments: number; orphans: number; bytes: number };
  };

  it("are removed by the sweep once they are old, and nothing else is", async () => {
    const delivered = sampleMails({ count: 40, seed: 7, sizeBytes: 2_000 }).map(({ raw }) => raw);
    for (const raw of delivered) mail.deliver(address, raw);
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const mailboxId = await addMailbox(fleet, tenant, { address, password, imap });
    for (let kill = 0; kill < kills; kill++) {
      const victim = await fleet.start("poll-worker", { point: betweenSegmentAndRows });
      await arm(victim);
      if (kill === 0) await activate(fleet, tenant, mailboxId);
      expect(await victim.ended()).toBe("SIGKILL");
    }
    await fleet.start("poll-worker");
    await until("all to be stored", async () => (await storedCount(fleet, mailboxId)) === delivered.length);

    const files = await segmentFiles();
    expect(await sweep()).toEqual({ segments: 0, orphans: 0, bytes: 0 }); // all too young to be told from work
    const longAgo = new Date(Date.now() - 2 * 86_400_000);
    for (const file of files) await utimes(file, longAgo, longAgo);

    expect(await sweep("--dry-run")).toMatchObject({ segments: files.length, orphans: kills });
    expect(await segmentFiles()).toEqual(files);
    expect(await sweep()).toMatchObject({ segments: files.length, orphans: kills, bytes: expect.any(Number) });
    expect(await sweep()).toMatchObject({ segments: files.length - kills, orphans: 0 });
    await expectStoredOnce(fleet, tenant, mailboxId, delivered);

    // What is no longer kept, as by retention, names nothing any more.
    for (const table of ["attachments", "messages"]) {
      await fleet.sql`delete from ${fleet.sql(table)} where tenant_id = ${tenant.tenantId}`;
    }
    expect(await sweep()).toMatchObject({ orphans: files.length - kills });
    expect(await segmentFiles()).toEqual([]);
  });
});

import { newId, TenantId } from "@mailfleet/domain";
import { type KmsServer, startKmsServer } from "@mailfleet/testkit/servers";
import { createLocalKeyFile, createLocalKeyManagement } from "@mailfleet/vault";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";

const never = { signal: new AbortController().signal };
const tenantsCount = 150;
/** Three processes that load an SDK each, on a machine that may be busy. */
const processesMsMax = 120_000;

let cli: CommandLineAtHand;
let kms: KmsServer;
let sql: postgres.Sql;
let arn: string;
const aws = (): Environment => ({
  KMS_ENDPOINT: kms.endpoint,
  AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "example",
});

beforeAll(async () => {
  [cli, kms] = await Promise.all([commandLineAtHand(), startKmsServer()]);
  arn = kms.createKey("alias/mailfleet");
  expect(await cli.init()).toMatchObject({ code: 0 });
  sql = postgres(cli.environment["DATABASE_URL"] ?? "", { max: 2, onnotice: () => {} });
  const management = await createLocalKeyManagement({ keyFile: cli.path("wrapping.key") });
  for (let index = 0; index < tenantsCount; index++) {
    const owner = newId(TenantId);
    const { wrapped } = await management.createDataKey({ owner, purpose: "credentials", version: 1 }, never);
    await sql`insert into tenant_keys (owner, purpose, version, key_id, wrapped)
      values (${owner}, 'credentials', 1, ${wrapped.keyId}, ${Buffer.from(wrapped.ciphertext)})`;
  }
  await sql`insert into tenant_keys (owner, purpose, version, key_id, wrapped, destroyed_at)
    values (${newId(TenantId)}, 'credentials', 1, 'local:gone', '', now())`;
  await createLocalKeyFile(cli.path("next.key"));
});
afterAll(async () => {
  await sql.end();
  await Promise.all([cli.close(), kms.close()]);
});

const keyIds = async () => {
  const rows = await sql`select key_id, count(*)::int as count from tenant_keys group by 1 order by 2 desc`;
  return rows.map((row) => [row["key_id"], row["count"]]);
};

describe("vault rewrap", () => {
  it("wraps every key with another key file, tells how far it is, and does nothing the second time", async () => {
    const [before] = await keyIds();
    const ended = await cli.run(`vault rewrap --to ${cli.path("next.key")} --json`);
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/100 rewrapped, \d+ left/) });
    const count = tenantsCount + 1; // and the key that signs
    expect(ended.json()).toMatchObject({ done: count, left: 0, keyId: expect.stringMatching(/^local:/) });
    const [now, destroyed] = await keyIds();
    expect(now).toEqual([expect.stringMatching(/^local:/), count]);
    expect(now?.[0]).not.toBe(before?.[0]);
    expect(destroyed).toEqual(["local:gone", 1]);

    const env = { ...cli.operator, KMS_LOCAL_KEY_FILE: cli.path("next.key") };
    expect((await cli.run(`vault rewrap --to ${cli.path("next.key")} --json`, env)).json()).toMatchObject({ done: 0 });
  });

  it("leaves a process that still wraps with the old key working, as long as it has the new one beside it", async () => {
    const both = { ...cli.operator, KMS_ALSO_LOCAL_KEY_FILES: cli.path("next.key") };
    const create = (name: string) => `operator create --name ${name} --token-out ${cli.path(name)} --json`;
    expect(await cli.run(create("with-both"), both)).toMatchObject({ code: 0 });
    expect(await cli.run(create("with-the-old"))).toMatchObject({ code: 1 });
  });

  it(
    "goes from a key file to KMS and back, and goes on where it was interrupted",
    async () => {
      const next = { ...cli.operator, ...aws(), KMS_LOCAL_KEY_FILE: cli.path("next.key") };
      const interrupted = cli.runProcess(`vault rewrap --to ${arn} --json`, next);
      await expect.poll(() => kms.requests.length, { timeout: 60_000, interval: 1 }).toBeGreaterThan(40);
      kms.setEnabled(arn, false);
      expect((await interrupted).code).not.toBe(0);
      kms.setEnabled(arn, true);
      const moved = (await keyIds()).find(([keyId]) => keyId === arn)?.[1];
      expect(moved).toBeGreaterThan(10);
      expect(moved).toBeLessThan(tenantsCount);
      const rest = await cli.runProcess(`vault rewrap --to ${arn} --json`, next);
      expect(rest.json()).toMatchObject({ done: tenantsCount + 1 - moved, left: 0 });

      const onKms = { ...cli.operator, ...aws(), KMS_LOCAL_KEY_FILE: "", KMS_KEY_ID: arn, KMS_REGION: kms.region };
      const back = await cli.runProcess(`vault rewrap --to ${cli.path("wrapping.key")} --json`, onKms);
      expect(back.json()).toMatchObject({ done: tenantsCount + 1, left: 0 });
      const create = `operator create --name with-the-first --token-out ${cli.path("with-the-first")} --json`;
      expect(await cli.run(create)).toMatchObject({ code: 0 }); // the signing key opens as it did at first
    },
    processesMsMax,
  );
});

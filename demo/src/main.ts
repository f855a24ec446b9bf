/**
 * The whole fleet from one command: real PostgreSQL, a mail server, scheduler and workers as processes of their own, and the
 * CLI as a person would use it. Says what happened, and ends with 0 only when every promise was kept.
 */
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { type Account, openAccount } from "./account.ts";
import { type DemoFleet, mailboxes, openDemoFleet, type TenantKey } from "./demo-fleet.ts";
import { type Guard, guards, withoutFence, withoutGate, withoutUniqueKey } from "./guards.ts";
import { openLedger } from "./ledger.ts";
import { freeze } from "./steps/freeze.ts";
import { kill } from "./steps/kill.ts";
import { receive } from "./steps/receive.ts";
import { refuse } from "./steps/refuse.ts";
import { renumber } from "./steps/renumber.ts";
import { reply } from "./steps/reply.ts";

const usage = `npm run demo -- [--json] [--keep] [--break ${guards.join("|")}]
  --json         one JSON object on stdout, last; the account goes to stderr
  --keep         leave everything running, and say how to use the CLI against it
  --break GUARD  take one guard away and show the count it kept at zero; exits 1`;

type Options = { readonly json: boolean; readonly keep: boolean; readonly broken: Guard | null };

function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean" },
        keep: { type: "boolean" },
        break: { type: "string" },
        help: { type: "boolean" },
      },
    });
    const broken = guards.find((guard) => guard === values.break) ?? null;
    if (values.help || (values.break !== undefined && broken === null)) return null;
    return { json: values.json ?? false, keep: values.keep ?? false, broken };
  } catch {
    return null;
  }
}

async function run(fleet: DemoFleet, sql: postgres.Sql, account: Account, { broken }: Options) {
  await fleet.cliJson(["init", "--token-out", join(fleet.folder, "operator.token")]);
  if (broken === "unique-key") await sql.unsafe(withoutUniqueKey);
  await fleet.cliJson(["provision", "-f", join(fleet.folder, "tenants.yaml")]);
  account.say("provisioned 2 tenants and 3 mailboxes from tenants.yaml, each proven by a login");
  const tokens = { acme: await agentToken(fleet, "acme"), globex: await agentToken(fleet, "globex") };

  account.step("Start a scheduler, a poll worker and a send worker");
  const [, first] = await Promise.all([
    fleet.start("scheduler"),
    fleet.start("poll-worker"),
    fleet.start("send-worker"),
  ]);
  const ledger = openLedger(fleet, tokens);
  const question = await receive(fleet, ledger, tokens, account);
  const sent = await reply(fleet, question, tokens.acme, account);
  const refusals = await refuse(fleet, question, tokens.globex, account, broken === "gate" ? [withoutGate] : []);
  const workers = { current: await kill(fleet, sql, ledger, first, account) };
  const staleWrites = await freeze(fleet, sql, ledger, workers, account, broken === "fence" ? [withoutFence] : []);
  await renumber(fleet, account);

  account.step("Compare the CLI's message list with what was delivered, by SHA-256");
  const comparison = await ledger.compare();
  const { tenants, boxes } = await provisioned(fleet);
  return { tenants, mailboxes: boxes, delivered: ledger.deliveredCount, ...comparison, sent, ...refusals, staleWrites };
}

async function agentToken(fleet: DemoFleet, tenant: TenantKey): Promise<string> {
  const args = ["actor", "create", "--tenant", tenant, "--kind", "agent", "--name", "demo-agent"];
  return (await fleet.cliJson<{ token: string }>(args)).token;
}

async function provisioned(fleet: DemoFleet): Promise<{ tenants: number; boxes: number }> {
  const tenants = await fleet.cliJson<unknown[]>(["tenant", "list"]);
  const boxes = await fleet.cliJson<{ state: string }[]>(["mailbox", "list"]);
  return { tenants: tenants.length, boxes: boxes.filter(({ state }) => state === "active").length };
}

async function keepRunning(fleet: DemoFleet, account: Account): Promise<void> {
  account.step("Everything keeps running. In another terminal:");
  const names = [
    "DATABASE_URL",
    "KMS_LOCAL_KEY_FILE",
    "BLOB_ROOT",
    "NETWORK_ALLOW_PRIVATE",
    "TLS_CA_FILE",
    "MAILFLEET_TOKEN_FILE",
  ];
  for (const name of names) account.say(`export ${name}='${fleet.env[name]}'`);
  account.say("npm run -s mailfleet -- status");
  account.say(`npm run -s mailfleet -- mailbox show ${mailboxes[0].tenant}/${mailboxes[0].key}`);
  account.say("Ctrl-C ends it and removes everything.");
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
}

const options = readOptions();
if (options === null) {
  console.error(usage);
  process.exit(2);
}
const account = openAccount(options);
const startedAt = performance.now();
account.step("Start PostgreSQL and a mail server, then `mailfleet init` and `mailfleet provision`");
const fleet = await openDemoFleet();
const sql = postgres(fleet.databaseUrl, { max: 2, onnotice: () => {} });
try {
  const counts = await run(fleet, sql, account, options);
  const summary = { ...counts, seconds: Math.round((performance.now() - startedAt) / 100) / 10 };
  const kept =
    counts.lost === 0 &&
    counts.duplicates === 0 &&
    counts.staleWrites === 0 &&
    counts.leaked === 0 &&
    counts.received === counts.delivered &&
    counts.sent === 1;
  for (const [name, value] of Object.entries(summary)) account.say(`${name}: ${value}`);
  account.say(kept ? "Every promise was kept." : "A promise was broken.");
  if (options.json) console.log(JSON.stringify(summary));
  if (!kept) process.exitCode = 1;
  if (options.keep) await keepRunning(fleet, account);
} finally {
  await sql.end();
  await fleet.close();
}

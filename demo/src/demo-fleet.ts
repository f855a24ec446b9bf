import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type App, type AppName, type CliResult, runCli, runCliJson, startApp } from "@mailfleet/testkit/fleet";
import {
  type EmbeddedMail,
  type PostgresServer,
  startEmbeddedMail,
  startPostgres,
  type TemporaryFolder,
  temporaryFolder,
} from "@mailfleet/testkit/servers";
import { stringify } from "yaml";
import { type Rewrite, rewriteVariable } from "./rewrite-source.ts";

export type TenantKey = "acme" | "globex";

/** The three mailboxes of the demo; the passwords open nothing but its own mail server. */
export const mailboxes = [
  { tenant: "acme", key: "support", address: "support@acme.example", passwordVariable: "DEMO_SUPPORT_PASSWORD" },
  { tenant: "acme", key: "sales", address: "sales@acme.example", passwordVariable: "DEMO_SALES_PASSWORD" },
  { tenant: "globex", key: "help", address: "help@globex.example", passwordVariable: "DEMO_HELP_PASSWORD" },
] as const;

/** Writes to the mailboxes and is answered; not one of the fleet's. */
export const customer = { name: "Ada Customer", address: "ada@customer.example" };

/** The demo's parts: real PostgreSQL, a mail server, a folder, and the fleet's own processes. */
export type DemoFleet = {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly postgres: PostgresServer;
  readonly databaseUrl: string;
  readonly mail: EmbeddedMail;
  /** `mailfleet ARGS` as the operator, or with another token. */
  cli(args: readonly string[], options?: { token?: string; rewrites?: readonly Rewrite[] }): Promise<CliResult>;
  cliJson<Value>(args: readonly string[], options?: { token?: string }): Promise<Value>;
  start(name: AppName, options?: { rewrites?: readonly Rewrite[] }): Promise<App>;
  close(): Promise<void>;
};

/** A killed worker's mailbox is given to another after this long. */
const pollRunMs = 5_000;

export async function openDemoFleet(): Promise<DemoFleet> {
  const folder = await temporaryFolder("demo");
  const users = mailboxes.map(({ address, key }) => ({ address, password: `demo-${key}` }));
  const [postgres, mail] = await Promise.all([startPostgres(), startEmbeddedMail({ users })]);
  const databaseUrl = await postgres.createDatabase("mailfleet");
  const caFile = join(folder.path, "demo-ca.pem");
  await Promise.all([writeFile(caFile, mail.caPem), writeFile(join(folder.path, "tenants.yaml"), tenantsYaml(mail))]);
  const env = environment(folder.path, databaseUrl, caFile);
  const apps: App[] = [];

  const options = (token: string | undefined, rewrites: readonly Rewrite[]) => ({
    env: {
      ...env,
      ...(token === undefined ? {} : { MAILFLEET_TOKEN_FILE: "", MAILFLEET_TOKEN: token }),
      ...rewriteEnv(rewrites),
    },
    nodeArgs: rewriteArgs(rewrites),
  });
  return {
    folder: folder.path,
    env,
    postgres,
    databaseUrl,
    mail,
    cli: (args, { token, rewrites = [] } = {}) => runCli(args, options(token, rewrites)),
    cliJson: (args, { token } = {}) => runCliJson(args, options(token, [])),
    async start(name, { rewrites = [] } = {}) {
      const app = await startApp(name, options(undefined, rewrites));
      apps.push(app);
      return app;
    },
    close: () => closeAll(apps, postgres, mail, folder),
  };
}

function environment(folder: string, databaseUrl: string, caFile: string): NodeJS.ProcessEnv {
  const passwords = Object.fromEntries(mailboxes.map(({ passwordVariable, key }) => [passwordVariable, `demo-${key}`]));
  return {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    ...passwords,
    DATABASE_URL: databaseUrl,
    KMS_LOCAL_KEY_FILE: join(folder, "local.key"),
    BLOB_ROOT: join(folder, "blobs"),
    NETWORK_ALLOW_PRIVATE: "127.0.0.0/8",
    TLS_CA_FILE: caFile,
    MAILFLEET_TOKEN_FILE: join(folder, "operator.token"),
    POLL_RUN_MS: String(pollRunMs),
    POLL_INTERVAL_MS_MIN: "300",
    POLL_FRESHNESS_MS: "1000",
    POLL_PAGE_MESSAGES: "5",
    SCHEDULER_CLAIM_MS: "3000",
    LOG_LEVEL: "debug",
    // Some thirty processes start one after another from the same sources.
    NODE_COMPILE_CACHE: join(folder, "compile-cache"),
  };
}

function tenantsYaml(mail: EmbeddedMail): string {
  const server = (port: number) => ({ host: mail.host, port, security: "tls" });
  const mailbox = ({ key, address, passwordVariable }: (typeof mailboxes)[number]) => ({
    key,
    address,
    imap: server(mail.imapPort),
    smtp: server(mail.smtpPort),
    startFrom: "beginning",
    credential: { flow: "password", user: address, password: { env: passwordVariable } },
  });
  const tenants = (["acme", "globex"] as const).map((key) => ({
    key,
    namespace: key,
    mailboxes: mailboxes.filter(({ tenant }) => tenant === key).map(mailbox),
  }));
  return stringify({ apiVersion: "mailfleet/v1", tenants });
}

function rewriteEnv(rewrites: readonly Rewrite[]): NodeJS.ProcessEnv {
  return rewrites.length === 0 ? {} : { [rewriteVariable]: JSON.stringify(rewrites) };
}

function rewriteArgs(rewrites: readonly Rewrite[]): readonly string[] {
  return rewrites.length === 0 ? [] : ["--import", new URL("rewrite-source.ts", import.meta.url).href];
}

async function closeAll(
  apps: readonly App[],
  postgres: PostgresServer,
  mail: EmbeddedMail,
  folder: TemporaryFolder,
): Promise<void> {
  for (const app of apps) app.signal("SIGCONT"); // a frozen process hears nothing else
  await Promise.all(apps.map((app) => app.stop()));
  await mail.close();
  await postgres.close();
  await folder.close();
}

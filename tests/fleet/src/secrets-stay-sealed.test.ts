import { generateKeyPairSync } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MailboxId } from "@mailfleet/domain";
import {
  type EmbeddedMail,
  freePort,
  hasServer,
  type OauthServer,
  type RedisServer,
  type ScriptedSmtp,
  startEmbeddedMail,
  startOauthServer,
  startRedis,
  startScriptedSmtp,
} from "@mailfleet/testkit/servers";
import { createSealedStores } from "@mailfleet/vault";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canariesIn, newCanary } from "./canary.ts";
import { dumpDatabase } from "./dump-database.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { activate, addActiveMailbox, addMailbox, addTenant } from "./provision.ts";
import { type QueueTrace, traceBullmqTables, traceRedis } from "./queue-trace.ts";
import { storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const names = [
  "password",
  "wrong-password",
  "refresh-token",
  "app-secret",
  "directory-secret",
  "service-account-key",
  "mailbox",
  "sender",
  "subject",
  "header",
  "body",
  "filename",
  "attachment",
  "recipient",
  "sent-subject",
  "sent-body",
  "server-words",
] as const;
type Name = (typeof names)[number];

/** The only tables that may name these; whatever is not here may be in none. */
const tablesOf: Partial<Record<Name, readonly string[]>> = {
  mailbox: ["mailbox_addresses", "mailboxes", "messages", "submissions"],
  sender: ["messages"],
  subject: ["messages"],
  filename: ["attachments"],
  recipient: ["submission_attempts", "submission_recipients"],
};

describe.each(["PostgreSQL", "Redis"])("with %s as the queue,", (backend) => {
  describe.skipIf(backend === "Redis" && !hasServer("redis-server"))(
    "after mail in and out, and every kind of failure,",
    () => {
      const canaries = Object.fromEntries(names.map((name) => [name, newCanary(name)])) as Record<Name, string>;
      const address = `${canaries.mailbox}@sealed.example`;
      const recipient = `${canaries.recipient}@elsewhere.example`;
      let mail: EmbeddedMail;
      let smtp: ScriptedSmtp;
      let oauth: OauthServer;
      let redis: RedisServer | undefined;
      let fleet: Fleet;
      let tenant: TestTenant;
      let trace: QueueTrace;
      const healthPorts: number[] = [];

      beforeAll(async () => {
        mail = await startEmbeddedMail({ users: [{ address, password: canaries.password }] });
        smtp = await startScriptedSmtp({ security: "tls", login: { user: address, secret: canaries.password } });
        oauth = await startOauthServer();
        redis = backend === "Redis" ? await startRedis() : undefined;
        const env = {
          POLL_INTERVAL_MS_MIN: "200",
          POLL_FRESHNESS_MS: "1000",
          SCHEDULER_CLAIM_MS: "1000",
          POLL_RUN_MS: "2000",
          SEND_PREPARE_MS: "2000",
        };
        const queue: Record<string, string> = redis === undefined ? {} : { QUEUE_URL: redis.url };
        fleet = await openFleet({ caPems: [mail.caPem, smtp.caPem, oauth.caPem], env: { ...env, ...queue } });
        tenant = await addTenant(fleet, "sealed");
        for (const name of ["scheduler", "poll-worker", "send-worker"] as const) {
          const port = await freePort();
          healthPorts.push(port);
          await fleet.start(name, { env: { HEALTH_PORT: String(port) } });
          if (name === "scheduler")
            trace = redis === undefined ? await traceBullmqTables(fleet.sql) : await traceRedis(redis.port);
        }
        await live();
      });
      afterAll(async () => {
        await trace?.close();
        await fleet?.close();
        await Promise.all([mail?.close(), smtp?.close(), redis?.close(), oauth?.close()]);
      });

      /** What happens to a mailbox in a bad week. */
      async function live(): Promise<void> {
        const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
        const server = { host: "127.0.0.1", port: smtp.port, security: smtp.security };
        mail.deliver(address, message("first"));
        const mailboxId = await addActiveMailbox(fleet, tenant, {
          address,
          password: canaries.password,
          imap,
          smtp: server,
        });
        await until("the message", async () => (await storedCount(fleet, mailboxId)) === 1);

        const locked = { address: `locked-${address}`, password: canaries["wrong-password"], imap };
        const lockedId = await addActiveMailbox(fleet, tenant, locked);
        await until("the wrong password", async () => (await workOf(fleet, lockedId)).failures_count === 1);

        const consented = { address: `consented-${address}`, password: "replaced at once", imap };
        const consentedId = await addMailbox(fleet, tenant, consented);
        await addApps();
        await putRefreshToken(consentedId, consented.address);
        await activate(fleet, tenant, consentedId);
        await until("the refresh token", async () => (await workOf(fleet, consentedId)).last_failure !== null);
        expect(oauth.requestsCount("refresh_token")).toBeGreaterThan(0); // it left us, and only for there

        const words = `<${recipient}> ${canaries["server-words"]} ${canaries.password}`;
        await sendAndEnd(mailboxId, "sent");
        smtp.play({ recipients: { [recipient]: `550 5.1.1 ${words}` } });
        await sendAndEnd(mailboxId, "rejected");
        smtp.play({ recipients: { [recipient]: `450 4.2.1 ${words}` } });
        await sendAndEnd(mailboxId, "deferred");
        smtp.play({ auth: `535 5.7.8 ${words}` });
        await sendAndEnd(mailboxId, "deferred");
        await letSendAgain(mailboxId);
        smtp.play({ body: "drop" });
        await sendAndEnd(mailboxId, "uncertain");
        smtp.play();
        await breakTables(mailboxId);
      }

      /** One that is exchanged with, and two that only lie there: those providers are not ours to ask. */
      async function addApps(): Promise<void> {
        const { gate, operator } = fleet;
        const provision = () => gate.authorize({ actor: operator, action: "fleet.provision", resource: {} });
        const { apps } = createSealedStores({ rows: fleet.database, vault: fleet.vault, grant: provision });
        const { issuer, tokenEndpoint, webApp } = oauth;
        canaries["app-secret"] = webApp.clientSecret;
        const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
        const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
        canaries["service-account-key"] = pem.split("\n")[5] ?? "";
        const [clientId, clientEmail] = [crypto.randomUUID(), "robot@project.test"];
        const secret = { kind: "secret", clientSecret: canaries["directory-secret"] };
        const materials = [
          {
            name: "issuer",
            clientId: webApp.clientId,
            material: { kind: "oidc", issuer, tokenEndpoint, ...webApp, scopes: [] },
          },
          {
            name: "directory",
            clientId,
            material: { kind: "microsoft", cloud: "global", authority: "common", clientId, secret },
          },
          {
            name: "workspace",
            clientId: clientEmail,
            material: { kind: "google-service-account", key: { clientEmail, privateKeyId: "1", privateKey: pem } },
          },
        ];
        for (const app of materials) {
          const named = { ...app, kind: app.material.kind };
          expect(await apps.add(await provision(), named, { signal: AbortSignal.timeout(10_000) })).toBe(true);
        }
      }

      async function putRefreshToken(mailboxId: MailboxId, user: string): Promise<void> {
        canaries["refresh-token"] = await oauth.consent(user);
        const { gate, credentials, operator } = fleet;
        const resource = { tenantId: tenant.tenantId, mailboxId };
        const grant = await gate.authorize({ actor: operator, action: "credential.manage", resource });
        const material = { user, app: "issuer", refreshToken: canaries["refresh-token"] };
        const credential = { flow: "oauth-refresh-token", material };
        await credentials.put(grant, mailboxId, credential, { signal: AbortSignal.timeout(10_000) });
      }

      /** A refused login stops the mailbox until somebody has looked at it. */
      async function letSendAgain(mailboxId: MailboxId): Promise<void> {
        const { gate, database, operator } = fleet;
        const resource = { tenantId: tenant.tenantId, mailboxId };
        const grant = await gate.authorize({ actor: operator, action: "mailbox.manage", resource });
        await database.mailboxes.setState(grant, mailboxId, "active", null);
      }

      async function sendAndEnd(mailboxId: MailboxId, state: string): Promise<void> {
        const { submissionId } = await send(mailboxId);
        await until(state, async () => (await submissionOf(fleet, submissionId)).state === state);
      }

      function send(mailboxId: MailboxId) {
        const { tenantId, agent } = tenant;
        const content = { subject: canaries["sent-subject"], text: canaries["sent-body"] };
        return fleet.send(
          agent,
          sendRequest({ tenantId, mailboxId, key: crypto.randomUUID(), to: recipient, ...content }),
        );
      }

      /** Errors that nobody expected, from both ways of speaking to PostgreSQL. */
      async function breakTables(mailboxId: MailboxId): Promise<void> {
        const failures = () =>
          fleet.apps.flatMap(({ lines }) => lines.filter(({ event }) => event === "worker.failed")).length;
        for (const table of ["attachments", "tenant_policies"]) {
          const before = failures();
          const { submissionId } = await send(mailboxId);
          await until("what is under way", async () => (await submissionOf(fleet, submissionId)).state === "sent");
          await fleet.sql`alter table ${fleet.sql(table)} rename to gone`;
          const begun = await begin(table, mailboxId);
          await until(`a failure without ${table}`, async () => failures() > before);
          await fleet.sql`alter table gone rename to ${fleet.sql(table)}`;
          await until(`the way without ${table} to go on`, begun);
        }
      }

      async function begin(table: string, mailboxId: MailboxId): Promise<() => Promise<boolean>> {
        if (table === "attachments") {
          mail.deliver(address, message("second"));
          return async () => (await storedCount(fleet, mailboxId)) === 2;
        }
        const { submissionId } = await send(mailboxId);
        return async () => (await submissionOf(fleet, submissionId)).state === "sent";
      }

      function message(id: string): Uint8Array {
        const lines = [
          `Message-ID: <${id}@sealed.example>`,
          `From: ${canaries.sender} <${canaries.sender}@elsewhere.example>`,
          `To: <${address}>`,
          `Subject: ${canaries.subject}`,
          `X-Secret: ${canaries.header}`,
          "Content-Type: multipart/mixed; boundary=b",
          "",
          "--b",
          "",
          `${canaries.body} in ${id}`,
          "--b",
          `Content-Disposition: attachment; filename=${canaries.filename}`,
          "Content-Transfer-Encoding: base64",
          "",
          Buffer.from(canaries.attachment).toString("base64"),
          "--b--",
          "",
        ];
        return new Uint8Array(Buffer.from(lines.join("\r\n")));
      }

      it("no log line and no other output of any process holds a secret, an address or a word of a message", () => {
        const output = fleet.apps
          .map(({ name, lines, output }) => `${name}\n${JSON.stringify(lines)}\n${output()}`)
          .join("\n");
        for (const event of ["poll.ended", "submission.attempted", "worker.failed", "login.refused"])
          expect(output).toContain(event);
        expect(canariesIn(output, canaries)).toEqual([]);
      });

      it.skipIf(process.platform !== "linux")("no process was started with one in its arguments", async () => {
        for (const { pid } of fleet.apps)
          expect(canariesIn(await readFile(`/proc/${pid}/cmdline`, "latin1"), canaries)).toEqual([]);
        expect(fleet.apps.length).toBeGreaterThan(0);
      });

      it("no metric does", async () => {
        const pages = healthPorts.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
        const text = (await Promise.all(pages)).join("\n");
        expect(text).toContain("mailfleet_polls_total");
        expect(canariesIn(text, canaries)).toEqual([]);
      });

      it("nothing that was ever in the queue does", async () => {
        const text = await trace.text();
        expect(text).toContain("poll-mailbox");
        expect(text).toContain("deliver-submission");
        expect(canariesIn(text, canaries)).toEqual([]);
      });

      it("no row does, but for content where messages are and addresses where mailboxes and submissions are", async () => {
        const dump = await dumpDatabase(fleet.sql);
        const found = new Map<string, string[]>();
        for (const { table, rows } of dump) {
          for (const name of canariesIn(rows, canaries)) found.set(name, [...(found.get(name) ?? []), table]);
          if (["audit", "events", "credentials", "submission_attempts"].includes(table)) expect(rows).not.toBe("");
        }
        if (backend === "PostgreSQL") expect(dump.map(({ schema }) => schema)).toContain("bullmq");
        expect(Object.fromEntries(found)).toEqual(tablesOf);
      });

      it("no file does, the blobs included", async () => {
        const blobs = join(fleet.folder, "blobs");
        const entries = await readdir(fleet.folder, { recursive: true, withFileTypes: true });
        const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
        expect(paths.filter((path) => path.startsWith(blobs))).not.toEqual([]);
        for (const path of paths) expect(canariesIn(await readFile(path, "latin1"), canaries)).toEqual([]);
      });
    },
  );
});

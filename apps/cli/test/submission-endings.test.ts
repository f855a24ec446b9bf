import { generateKeyPairSync } from "node:crypto";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";

let cli: CommandLineAtHand;
let mail: EmbeddedMail;
let agent: Environment;

beforeAll(async () => {
  cli = await commandLineAtHand();
  mail = await startEmbeddedMail({ users: [{ address: "support@acme.example", password: "pw" }] });
  await cli.write("ca.pem", mail.caPem);
  await cli.write("password", "pw\n");
  expect(await cli.init()).toMatchObject({ code: 0 });
  const user = "support@acme.example";
  const server = (port: number) => ({ host: "127.0.0.1", port, security: "tls" });
  const entry = JSON.stringify({
    ...{ key: "support", address: user, imap: server(mail.imapPort), smtp: server(mail.smtpPort) },
    credential: { flow: "password", user, password: { file: "password" } },
  });
  await cli.write("tenants.yaml", `apiVersion: mailfleet/v1\ntenants: [{ key: acme, mailboxes: [${entry}] }]\n`);
  const reach = { ...cli.operator, TLS_CA_FILE: cli.path("ca.pem"), NETWORK_ALLOW_PRIVATE: "127.0.0.0/8" };
  expect(await cli.run(`provision -f ${cli.path("tenants.yaml")}`, reach)).toMatchObject({ code: 0 });
  const { json } = await cli.run("actor create --json --tenant acme --kind agent --name assistant");
  agent = { MAILFLEET_TOKEN: (json() as { token: string }).token };
});
afterAll(async () => {
  await cli.close();
  await mail.close();
});

async function sendLater(): Promise<string> {
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const later = await cli.run(`send --json --mailbox support --to ada@x.example --text hi --at ${at}`, agent);
  return (later.json() as { submissionId: string }).submissionId;
}

describe("a submission that leaves later", () => {
  it("can be waited for only so long, cancelled once or more, and is then settled", async () => {
    const id = await sendLater();
    const waited = await cli.run(`submission wait ${id} --timeout 1s --json`, agent);
    expect(waited).toMatchObject({ code: 75, stderr: expect.stringContaining("still scheduled") });
    expect(waited.json()).toMatchObject({ settled: false, state: "scheduled" });
    for (const _ of [1, 2]) {
      const { code, json } = await cli.run(`submission cancel ${id} --json`, agent);
      expect({ code, result: json() }).toEqual({ code: 0, result: { id, cancelled: true, state: "cancelled" } });
    }
    const ended = await cli.run(`submission wait ${id} --json`, agent);
    expect({ code: ended.code, result: ended.json() }).toMatchObject({ code: 1, result: { settled: true } });
  });

  it("needs a time that names its offset", async () => {
    const { code, stderr } = await cli.run(
      "send --mailbox support --to a@x.example --text hi --at 2030-01-31T09:00",
      agent,
    );
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("with its offset") });
  });
});

describe("actor key", () => {
  const pair = generateKeyPairSync("ed25519");
  const publicPem = pair.publicKey.export({ type: "spki", format: "pem" }).toString();

  it("registers a public key once, lists it and revokes it", async () => {
    await cli.write("actor.pub.pem", publicPem);
    const add = `actor key add assistant --tenant acme --public-key ${cli.path("actor.pub.pem")} --json`;
    const { kid } = (await cli.run(add)).json() as { kid: string };
    expect(kid).toMatch(/^[\w-]{43}$/);
    expect(await cli.run(add)).toMatchObject({ code: 5 });
    expect(await cli.run(["actor", "key", "revoke", kid, "--tenant", "acme"])).toMatchObject({ code: 0 });
    const listed = (await cli.run("actor key list --tenant acme --json")).json();
    expect(listed).toMatchObject([{ kid, actorName: "assistant", revokedAt: expect.any(String) }]);
  });

  it("refuses a private key without printing it, and whoever may not manage actors", async () => {
    const secret = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await cli.write("actor.pem", secret);
    const refused = await cli.run(`actor key add assistant --tenant acme --public-key ${cli.path("actor.pem")}`);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("private key") });
    expect(refused.stderr).not.toContain(secret.split("\n")[1]);
    expect(await cli.run("actor key list --tenant acme", agent)).toMatchObject({ code: 3 });
  });
});

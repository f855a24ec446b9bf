import { createHash, randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";
import { storeInDueMailboxes } from "./store-message.ts";

const raw = Buffer.from("Subject: planted\r\n\r\nraw\u0000bytes\xff", "latin1");
const attachment = Buffer.from([0, 255, 27, 91, 50, 74]);
const subject = "Hello \u001b[2J\u202e there";

let cli: CommandLineAtHand;
let mail: EmbeddedMail;
let agent: Environment;
let narrow: Environment;
let stranger: Environment;
let messageId: string;

beforeAll(async () => {
  cli = await commandLineAtHand();
  const addresses = ["support@acme.example", "sales@acme.example", "support@beta.example"];
  mail = await startEmbeddedMail({ users: addresses.map((address) => ({ address, password: "pw" })) });
  await cli.write("ca.pem", mail.caPem);
  await cli.write("password", "pw\n");
  expect(await cli.init()).toMatchObject({ code: 0 });
  const entry = (key: string, user: string) =>
    JSON.stringify({
      ...{ key, address: user },
      imap: { host: "127.0.0.1", port: mail.imapPort, security: "tls" },
      smtp: { host: "127.0.0.1", port: mail.smtpPort, security: "tls" },
      credential: { flow: "password", user, password: { file: "password" } },
    });
  const acme = `{ key: acme, mailboxes: [${entry("support", "support@acme.example")}, ${entry("sales", "sales@acme.example")}] }`;
  const beta = `{ key: beta, namespace: beta-space, mailboxes: [${entry("support", "support@beta.example")}] }`;
  await cli.write("tenants.yaml", `apiVersion: mailfleet/v1\ntenants: [${acme}, ${beta}]\n`);
  const reach = { ...cli.operator, TLS_CA_FILE: cli.path("ca.pem"), NETWORK_ALLOW_PRIVATE: "127.0.0.0/8" };
  expect(await cli.run(`provision -f ${cli.path("tenants.yaml")}`, reach)).toMatchObject({ code: 0 });

  const [url = "", blobRoot = "", keyFile = ""] = ["DATABASE_URL", "BLOB_ROOT", "KMS_LOCAL_KEY_FILE"].map(
    (name) => cli.environment[name],
  );
  const place = { url, blobRoot, keyFile };
  expect(await storeInDueMailboxes(place, { raw, subject, text: "One\u009b2Jtwo\nlines", attachment })).toBe(3);
  [agent, narrow, stranger] = await Promise.all([
    actor("--tenant acme --kind agent --name assistant"),
    actor("--tenant acme --kind service --name sales-only --mailboxes sales --actions message.list,message.read"),
    actor("--tenant beta --kind agent --name assistant"),
  ]);
  const [message] = (await cli.run("message list --mailbox support --json", agent)).json() as { id: string }[];
  messageId = message?.id ?? "";
});
afterAll(async () => {
  await cli.close();
  await mail.close();
});

async function actor(options: string): Promise<Environment> {
  const { json } = await cli.run(`actor create --json ${options}`);
  const { token } = json() as { token: string };
  return { MAILFLEET_TOKEN: token };
}

const error = (code: string) => ({ error: expect.objectContaining({ code, hint: expect.any(String) }) });

describe("actor", () => {
  it("create prints the token alone on stdout, once, or writes it for its owner alone", async () => {
    const [printed, written] = await Promise.all([
      cli.run("actor create --tenant beta --kind service --name printed --expires 1h"),
      cli.run(`actor create --tenant beta --kind service --name written --token-out ${cli.path("written.token")}`),
    ]);
    expect(printed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/) });
    expect(written).toMatchObject({ code: 0, stdout: "" });
    expect((await stat(cli.path("written.token"))).mode & 0o777).toBe(0o600);
    expect(await cli.run("tenant list --json", { MAILFLEET_TOKEN_FILE: cli.path("written.token") })).toMatchObject({
      code: 0,
    });
  });

  it("create refuses a name that is taken with exit 5, an unknown action with exit 2, and makes no file for either", async () => {
    const [taken, unknown, mailbox] = await Promise.all([
      cli.run(`actor create --tenant acme --kind agent --name assistant --token-out ${cli.path("taken.token")} --json`),
      cli.run(
        `actor create --tenant acme --kind agent --name new --actions message.reed --token-out ${cli.path("taken.token")} --json`,
      ),
      cli.run("actor create --tenant acme --kind agent --name new --mailboxes absent --json"),
    ]);
    expect(taken).toMatchObject({ code: 5 });
    expect(taken.json()).toEqual(error("resource.conflicting"));
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("message.read") });
    expect(mailbox).toMatchObject({ code: 4 });
    await expect(stat(cli.path("taken.token"))).rejects.toThrow("ENOENT");
  });

  it("needs the key that the fleet was set up with: a key file that is gone is a fault of the configuration", async () => {
    const gone = { ...cli.operator, KMS_LOCAL_KEY_FILE: cli.path("gone.key") };
    const { code, stderr } = await cli.run("actor create --tenant acme --kind agent --name keyless", gone);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("KMS_LOCAL_KEY_FILE: ") });
  });

  it("revoke ends a token at the next command", async () => {
    const token = await actor("--tenant beta --kind agent --name leaver");
    expect(await cli.run("message list --json", token)).toMatchObject({ code: 0 });
    expect(await cli.run("actor revoke --tenant beta leaver")).toMatchObject({ code: 0 });
    expect(await cli.run("message list --json", token)).toMatchObject({ code: 3 });
    const listed = (await cli.run("actor list --tenant beta --json")).json();
    expect(listed).toContainEqual(expect.objectContaining({ name: "leaver", revokedAt: expect.any(String) }));
    expect(await cli.run("actor revoke --tenant beta nobody")).toMatchObject({ code: 4 });
  });
});

describe("message", () => {
  it("list has the fields that scripts rely on, on one line", async () => {
    const { stdout, json } = await cli.run("message list --json", agent);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const rows = json() as object[];
    expect(rows).toHaveLength(2);
    expect(rows).toContainEqual({
      ...{
        id: messageId,
        mailbox: "support",
        mailboxId: expect.any(String),
        namespace: "acme",
        threadId: expect.any(String),
      },
      ...{ messageIdHeader: "<one@sender.example>", subject, from: [{ name: "Ada", address: "ada@sender.example" }] },
      ...{
        receivedAt: expect.any(String),
        storedAt: expect.any(String),
        sizeBytes: raw.length,
        epoch: 1,
        unparsedReason: null,
      },
      sha256: createHash("sha256").update(raw).digest("hex"),
    });
  });

  it("list has as many as were asked for, and all on demand", async () => {
    const [one, all, sales] = await Promise.all([
      cli.run("message list --limit 1 --json", agent),
      cli.run("message list --limit 1 --all --json", agent),
      cli.run("message list --json", narrow),
    ]);
    expect([one.json(), all.json(), sales.json()].map((rows) => (rows as object[]).length)).toEqual([1, 2, 1]);
  });

  it("show steers no terminal, and --json says the same in one line", async () => {
    const [human, json] = await Promise.all([
      cli.run(`message show ${messageId}`, agent),
      cli.run(`message show ${messageId} --json`, agent),
    ]);
    expect(human.stdout).toContain("Hello \\u001b[2J\\u202e there");
    expect(human.stdout).toContain("One\\u009b2Jtwo\nlines");
    expect(human.stdout).toContain("plan\\u001b[31m.pdf");
    expect(human.stdout + json.stdout).toMatch(/^[\u0020-\u007e\n…]*$/);
    expect(json.json()).toMatchObject({
      ...{ id: messageId, mailbox: "support", subject, text: "One\u009b2Jtwo\nlines", html: null },
      attachments: [{ position: 0, filename: "plan\u001b[31m.pdf", sizeBytes: attachment.length }],
      locations: [{ folder: "INBOX", uidValidity: 4_294_967_295, uid: 7 }],
    });
  });

  it("show --raw and attachment give the bytes themselves", async () => {
    const out = `message attachment ${messageId} 0 --out ${cli.path("plan.pdf")} --json`;
    const [rawEnding, piped, file] = await Promise.all([
      cli.run(`message show ${messageId} --raw`, agent),
      cli.run(`message attachment ${messageId} 0`, agent),
      cli.run(out, agent),
    ]);
    expect(rawEnding).toMatchObject({ code: 0, bytes: raw, stderr: "" });
    expect(piped).toMatchObject({ code: 0, bytes: attachment, stderr: "" });
    expect(file.json()).toMatchObject({ file: cli.path("plan.pdf"), sizeBytes: attachment.length });
    expect((await stat(cli.path("plan.pdf"))).size).toBe(attachment.length);
    const [twice, absent, both] = await Promise.all([
      cli.run(out, agent),
      cli.run(`message attachment ${messageId} 9`, agent),
      cli.run(`message show ${messageId} --raw --json`, agent),
    ]);
    expect([twice.code, absent.code, both.code]).toEqual([5, 4, 2]);
  });
});

describe("the gate", () => {
  it("refuses another tenant's message with exit 3, whoever asks and however, and says the same for what does not exist", async () => {
    const asked = [
      `message show ${messageId} --tenant acme`,
      `message show ${randomUUID()} --tenant acme`,
      "message list --tenant acme",
    ];
    const commands = [
      ...asked,
      "message list --tenant absent",
      "mailbox show acme/support",
      "mailbox show acme/absent",
      "tenant show absent",
    ];
    const endings = await Promise.all(commands.map((command) => cli.run(`${command} --json`, stranger)));
    expect(endings.map(({ code }) => code)).toEqual(commands.map(() => 3));
    for (const ending of endings) expect(ending.json()).toEqual(error("gate.denied"));
  });

  it("finds nothing with exit 4 where the actor may look", async () => {
    const commands = [
      `message show ${messageId}`,
      `message show ${randomUUID()}`,
      "mailbox show absent",
      `submission show ${randomUUID()}`,
    ];
    const endings = await Promise.all(commands.map((command) => cli.run(`${command} --json`, stranger)));
    expect(endings.map(({ code }) => code)).toEqual([4, 4, 4, 4]);
    expect(await cli.run("tenant show absent --json")).toMatchObject({ code: 4 });
    expect(await cli.run("message show nonsense --json", agent)).toMatchObject({ code: 2 });
  });

  it("keeps a narrow token narrow, an operator out of content, and an agent out of the fleet", async () => {
    const asked: [string, Environment][] = [
      [`message show ${messageId}`, narrow],
      ["message list --mailbox support", narrow],
      ["event list", narrow],
      ["message list --tenant acme", cli.operator],
      [`message show ${messageId} --tenant acme`, cli.operator],
      ["status", agent],
      ["audit list", agent],
      ["tenant suspend acme", agent],
      ["mailbox pause acme/support", agent],
      [`provision -f ${cli.path("tenants.yaml")}`, { ...agent, NETWORK_ALLOW_PRIVATE: "127.0.0.0/8" }],
      ["actor create --tenant acme --kind agent --name another", agent],
    ];
    const codes = await Promise.all(asked.map(async ([command, env]) => [command, (await cli.run(command, env)).code]));
    expect(codes).toEqual(asked.map(([command]) => [command, 3]));
    const denied = (await cli.run("audit list --outcome denied --json")).json() as { reason: string }[];
    expect(denied.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(["token-mailboxes", "content-belongs-to-the-tenant", "tenant-isolation"]),
    );
  });
});

describe("send", () => {
  it("accepts a message once for one idempotency key, and refuses another under the same with exit 5", async () => {
    await cli.write("body.txt", "From a file.\n");
    const send = (text: string) => [
      "send",
      "--json",
      "--mailbox",
      "support",
      "--to",
      "Ada <ada@sender.example>",
      "bob@sender.example",
      "--subject",
      "Hi",
      "--idempotency-key",
      "k1",
      "--attach",
      cli.path("body.txt"),
      "--text",
      text,
    ];
    const first = await cli.run(send("One"), agent);
    expect(first.json()).toMatchObject({
      state: "accepted",
      repeated: false,
      idempotencyKey: "k1",
      messageIdHeader: expect.stringMatching(/^<.+@acme\.example>$/),
    });
    const [same, other] = await Promise.all([cli.run(send("One"), agent), cli.run(send("Two"), agent)]);
    expect(same.json()).toEqual({ ...(first.json() as object), repeated: true });
    expect(other).toMatchObject({ code: 5 });
    expect(other.json()).toEqual(error("idempotency.conflicting"));

    const { submissionId } = first.json() as { submissionId: string };
    const shown = (await cli.run(`submission show ${submissionId} --json`, agent)).json();
    expect(shown).toMatchObject({
      state: "accepted",
      recipients: [{ address: "ada@sender.example" }, { address: "bob@sender.example" }],
    });
    const listed = (await cli.run("submission list --json")).json();
    expect(listed).toContainEqual(expect.objectContaining({ id: submissionId, namespace: "acme" }));
  });

  it("answers a stored message in its thread without naming its sender", async () => {
    const { code, json } = await cli.run(
      ["send", "--json", "--mailbox", "support", "--reply-to-message", messageId, "--text-file", cli.path("body.txt")],
      agent,
    );
    const shown = (await cli.run(`message show ${messageId} --json`, agent)).json() as { threadId: string };
    expect({ code, receipt: json() }).toMatchObject({ code: 0, receipt: { threadId: shown.threadId } });
  });

  it("takes a whole message from a file, and files of stored ones; a sender of its own is refused with exit 1", async () => {
    const eml = (from: string) =>
      `From: ${from}\nTo: ada@sender.example\nBcc: bob@sender.example\nSubject: Hi\n\nOne.\n`;
    await Promise.all([
      cli.write("whole.eml", eml("support@acme.example")),
      cli.write("forged.eml", eml("ceo@acme.example")),
    ]);
    const [whole, forged, stored, nonsense] = await Promise.all([
      cli.run(`send --json --mailbox support --eml ${cli.path("whole.eml")}`, agent),
      cli.run(`send --json --mailbox support --eml ${cli.path("forged.eml")}`, agent),
      cli.run(`send --json --mailbox support --to a@x.example --text b --attach-stored ${messageId}:0`, agent),
      cli.run("send --json --mailbox support --to a@x.example --text b --attach-stored one", agent),
    ]);
    const { submissionId } = whole.json() as { submissionId: string };
    const shown = (await cli.run(`submission show ${submissionId} --json`, agent)).json();
    expect(shown).toMatchObject({
      recipients: [{ address: "ada@sender.example" }, { address: "bob@sender.example" }],
    });
    expect([forged.code, stored.code, nonsense.code]).toEqual([1, 0, 2]);
    expect(forged.json()).toEqual(error("sender.refused"));
  });

  it("refuses a message that is none with exit 2, and one from another tenant's mailbox with exit 3", async () => {
    const [nobody, empty, file, foreign] = await Promise.all([
      cli.run("send --mailbox support --text x --subject y", agent),
      cli.run("send --mailbox support --to ada@sender.example --subject y", agent),
      cli.run("send --mailbox support --to ada@sender.example --text-file absent", agent),
      cli.run("send --tenant acme --mailbox support --to ada@sender.example --text x --subject y", stranger),
    ]);
    expect([nobody.code, empty.code, file.code, foreign.code]).toEqual([2, 2, 2, 3]);
    expect(nobody.stderr).toContain("a message needs a recipient");
  });
});

describe("looking after the fleet", () => {
  it("shows a mailbox with its cursors, and the events of its mail", async () => {
    const [shown, events] = await Promise.all([
      cli.run("mailbox show acme/support --json"),
      cli.run("event list --mailbox support --json", agent),
    ]);
    expect(shown.json()).toMatchObject({
      ...{ key: "support", state: "active", epoch: 1 },
      cursors: [{ folder: "INBOX", uidValidity: 4_294_967_295, lastUid: 7, checkedAt: expect.any(String), epoch: 1 }],
    });
    expect(events.json()).toMatchObject([
      { seq: 1, type: "message.received", subjectId: messageId, namespace: "acme" },
    ]);
    expect((await cli.run("event list --mailbox support --after 1 --json", agent)).json()).toEqual([]);
  });

  it("pauses a mailbox and suspends a tenant: the next send is refused until they go on", async () => {
    const send = () => cli.run("send --mailbox sales --to ada@sender.example --subject a --text b", agent);
    expect(await cli.run("mailbox pause acme/sales")).toMatchObject({ code: 0 });
    expect(await send()).toMatchObject({ code: 3 });
    expect(await cli.run("mailbox resume acme/sales")).toMatchObject({ code: 0 });
    expect(await cli.run("tenant suspend acme")).toMatchObject({ code: 0 });
    expect(await send()).toMatchObject({ code: 3 });
    expect(await cli.run("message list", agent)).toMatchObject({ code: 3 });
    expect(await cli.run("tenant resume acme")).toMatchObject({ code: 0 });
    expect(await send()).toMatchObject({ code: 0 });
  });

  it("shows the status of every tenant, for people and for scripts", async () => {
    const [human, json] = await Promise.all([cli.run("status"), cli.run("status --json")]);
    expect(human.stdout).toMatch(/^TENANT +STATE +ACTIVE/);
    const { tenants } = json.json() as { tenants: object[] };
    expect(tenants).toMatchObject([
      { tenant: "acme", mailboxesActive: 2, messages: 2 },
      { tenant: "beta", mailboxesActive: 1, messages: 1 },
    ]);
  });

  it("shows a tenant's own actor its tenant, and nothing of the others", async () => {
    expect((await cli.run("tenant list --json", stranger)).json()).toMatchObject([
      { namespace: "beta-space", state: "active" },
    ]);
    expect((await cli.run("tenant show beta --json", stranger)).json()).toMatchObject({
      key: "beta",
      namespace: "beta-space",
    });
    expect((await cli.run("mailbox list --json", stranger)).json()).toMatchObject([
      { key: "support", address: "support@beta.example" },
    ]);
  });
});

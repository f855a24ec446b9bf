import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { openDatabase } from "@mailfleet/database";
import { ActorId, MailboxId, Namespace, TenantId } from "@mailfleet/domain";
import { createGate, processActor, storedActor } from "@mailfleet/gate";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";
import { startTxtDnsServer, type TxtDnsServer } from "./txt-dns-server.ts";

const admin = "62e90394-69f5-4237-9190-012177145e10";
const tid = "0b9c1d3e-1111-4222-8333-444455556666";
const tenants = ["acme", "mallory"] as const;
/** Both tenants say that each of these is theirs. */
const boxes = ["token", "dns", "nonce", "asserted", "moved"] as const;

let cli: CommandLineAtHand;
let issuer: Server;
let dns: TxtDnsServer;
let env: Environment;
let sign: (nonce: string) => Promise<string>;

beforeAll(async () => {
  const pair = await generateKeyPair("RS256");
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "RS256" }] });
  issuer = createServer((_request, response) => response.end(jwks));
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  [cli, dns] = await Promise.all([commandLineAtHand(), startTxtDnsServer()]);
  await cli.write("issuers.json", JSON.stringify({ issuers: [issuerAt((issuer.address() as AddressInfo).port)] }));
  env = { ...cli.operator, BINDING_ISSUERS_FILE: cli.path("issuers.json"), BINDING_DNS_SERVERS: dns.server };
  sign = (nonce) =>
    new SignJWT({ iss: `https://login.example/${tid}/v2.0`, aud: "our-app", tid, wids: [admin], nonce })
      .setProtectedHeader({ alg: "RS256", kid: "k1" })
      .setIssuedAt()
      .setExpirationTime("10m")
      .sign(pair.privateKey);
  expect(await cli.init()).toMatchObject({ code: 0 });
  await addPending();
});
afterAll(async () => {
  await Promise.all([cli.close(), dns.close(), new Promise<void>((resolve) => issuer.close(() => resolve()))]);
});

function issuerAt(port: number) {
  const jwksUri = `http://127.0.0.1:${port}/keys`;
  const fields = { name: "entra", provider: "microsoft", issuer: "https://login.example/{directory}/v2.0" };
  return { ...fields, jwksUri, audience: "our-app", directoryClaim: "tid", admin: { claim: "wids", values: [admin] } };
}

async function withDatabase<Result>(work: (database: Awaited<ReturnType<typeof openDatabase>>) => Promise<Result>) {
  const database = await openDatabase({
    url: cli.environment["DATABASE_URL"] ?? "",
    poolSizeMax: 2,
    applicationName: "t",
  });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** As `provision` leaves mailboxes whose login did not work: known, and nobody's yet. */
async function addPending(): Promise<void> {
  await withDatabase(async (database) => {
    const gate = createGate({ facts: database.gateFacts, audit: database.audit, now: () => new Date() });
    const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
    const { provisioning } = database.fleet;
    const limits = { ratePerSecond: 1, burst: 1, inFlightMax: 1 };
    for (const key of tenants) {
      const settings = { weight: 1, poll: limits, deliver: limits };
      const tenantId = await provisioning.createTenant(grant, { key, namespace: Namespace.parse(key), settings });
      for (const box of boxes) await provisioning.createMailbox(grant, TenantId.parse(tenantId), box, settingsOf(box));
    }
  });
}

function settingsOf(box: string, address = `${box}@contoso.example`) {
  const imap = { host: "outlook.office365.com", port: 993, security: "tls" } as const;
  const identity = Buffer.from(address.padEnd(32));
  return { address, displayName: null, imap, smtp: null, folder: "INBOX", startFrom: "now", identity } as const;
}

const prove = (name: string, options: string) => cli.run(`mailbox prove ${name} ${options} --json`, env);

async function begin(name: string, by: string): Promise<string> {
  const { code, json } = await prove(name, `--by ${by} --begin`);
  expect(code).toBe(0);
  return (json() as { nonce: string }).nonce;
}

async function proveByToken(name: string, nonce: string) {
  await cli.write("id.token", await sign(nonce));
  return prove(name, `--by id-token --issuer entra --id-token-file ${cli.path("id.token")}`);
}

const error = (code: string) => ({ error: expect.objectContaining({ code }) });

describe("mailbox prove", () => {
  it("takes an administrator's ID token for the nonce of this mailbox, once", async () => {
    const nonce = await begin("acme/token", "id-token");
    const proven = await proveByToken("acme/token", nonce);
    expect(proven).toMatchObject({ code: 0 });
    expect(proven.json()).toMatchObject({ provider: "microsoft", directory: tid, subject: "token@contoso.example" });
    const replayed = await proveByToken("acme/token", nonce);
    expect(replayed).toMatchObject({ code: 3 });
    expect(replayed.json()).toEqual(error("binding.unproven"));
  });

  it("refuses a token that was signed for another tenant's nonce, and a nonce that is not its own", async () => {
    const theirs = await begin("acme/moved", "id-token");
    await begin("mallory/moved", "id-token");
    const foreign = await proveByToken("mallory/moved", theirs);
    expect(foreign).toMatchObject({ code: 3 });
    expect(foreign.json()).toEqual(error("binding.unproven"));
    expect(await proveByToken("acme/moved", theirs)).toMatchObject({ code: 0 }); // it was no less good for that
  });

  it("tells whoever comes second that it is taken, and not by whom; what is pending reserves nothing", async () => {
    const [first, second] = [await begin("mallory/nonce", "nonce"), await begin("acme/nonce", "nonce")];
    expect(await prove("acme/nonce", `--by nonce --provider microsoft --answer ${second}`)).toMatchObject({ code: 0 });
    const late = await prove("mallory/nonce", `--by nonce --provider microsoft --answer ${first}`);
    expect(late).toMatchObject({ code: 5 });
    expect(late.json()).toEqual(error("binding.taken"));
    expect(`${late.stdout}${late.stderr}`).not.toMatch(/acme/);
  });

  it("gives one of two answers that come at the same moment", async () => {
    const nonce = await begin("acme/dns", "nonce");
    const options = `--by nonce --provider microsoft --answer ${nonce}`;
    const codes = (await Promise.all([prove("acme/dns", options), prove("acme/dns", options)])).map(({ code }) => code);
    expect(codes.toSorted()).toEqual([0, 3]);
  });

  it("takes a DNS record while it is there, and says so when DNS does not answer", async () => {
    const nonce = await begin("acme/dns", "dns-txt");
    const options = "--by dns-txt --provider microsoft";
    expect(await prove("acme/dns", options)).toMatchObject({ code: 3 });
    dns.set("_mailfleet.contoso.example", ["v=spf1 -all", `mailfleet-binding=${nonce.slice(1)}`]);
    expect(await prove("acme/dns", options)).toMatchObject({ code: 3 });
    dns.set("_mailfleet.contoso.example", ["v=spf1 -all", `mailfleet-binding=${nonce}`]);
    const proven = await prove("acme/dns", options);
    expect(proven).toMatchObject({ code: 0 });
    expect(proven.json()).toMatchObject({ directory: "contoso.example", proof: "dns-txt" });
    await begin("acme/dns", "dns-txt");
    dns.fail();
    expect(await prove("acme/dns", options)).toMatchObject({ code: 75 });
  });

  it("ends a nonce after five wrong answers, however right the sixth is", async () => {
    const nonce = await begin("acme/asserted", "nonce");
    const answer = (text: string) => prove("acme/asserted", `--by nonce --provider google --answer ${text}`);
    for (let wrong = 0; wrong < 5; wrong++) expect(await answer(`wrong-${wrong}`)).toMatchObject({ code: 3 });
    expect(await answer(nonce)).toMatchObject({ code: 3 });
  });

  it("takes an operator's word, which the audit log has as what it is", async () => {
    const options = `--by assertion --provider microsoft --directory ${tid}`;
    expect(await prove("acme/asserted", options)).toMatchObject({ code: 0 });
    const rows = (await cli.run("audit list --json", env)).json() as { subjectId: string | null }[];
    expect(rows.map(({ subjectId }) => subjectId)).toContain(`assertion:microsoft:${tid}`);
  });

  it("is for operators: no actor of a tenant proves anything", async () => {
    const { json } = await cli.run("actor create --tenant acme --kind service --name prover --json");
    const own: Environment = { MAILFLEET_TOKEN: (json() as { token: string }).token };
    const options = `--by assertion --provider microsoft --directory ${tid} --json`;
    expect(await cli.run(`mailbox prove asserted ${options}`, own)).toMatchObject({ code: 3 });
  });
});

describe("a binding", () => {
  /** What minting is told of a mailbox. */
  async function bindingOf(tenant: string, box: string) {
    const [operator] = (await cli.run("operator list --json")).json() as { id: string }[];
    const row = {
      id: ActorId.parse(operator?.id),
      kind: "operator",
      tenantId: null,
      actions: null,
      mailboxIds: null,
    } as const;
    return withDatabase(async (database) => {
      const tenantId = TenantId.parse(await database.directory.tenantByKey(tenant));
      const mailboxId = MailboxId.parse(await database.directory.mailboxByKey(tenantId, box));
      const gate = createGate({ facts: database.gateFacts, audit: database.audit, now: () => new Date() });
      const resource = { tenantId, mailboxId };
      const grant = await gate.authorize({ actor: storedActor(row), action: "mailbox.read", resource });
      return { database, tenantId, mailboxId, found: await database.bindings.find(grant, mailboxId) };
    });
  }

  it("tells provider, directory and subject as they were proven, and nothing of a mailbox that proved nothing", async () => {
    expect((await bindingOf("acme", "token")).found).toMatchObject({
      ...{ provider: "microsoft", directory: tid, subject: "token@contoso.example", proof: "id-token" },
      provenAt: expect.any(Date),
    });
    expect((await bindingOf("mallory", "token")).found).toBeNull();
  });

  it("is given up with the mailbox, and is then free for whoever proves it", async () => {
    expect(await cli.run("mailbox disconnect acme/nonce --json")).toMatchObject({ code: 0 });
    expect((await bindingOf("acme", "nonce")).found).toBeNull();
    const nonce = await begin("mallory/nonce", "nonce");
    expect(await prove("mallory/nonce", `--by nonce --provider microsoft --answer ${nonce}`)).toMatchObject({
      code: 0,
    });
  });

  it("does not follow a mailbox to another address", async () => {
    const nonce = await begin("acme/moved", "nonce");
    const { tenantId, mailboxId, found } = await bindingOf("acme", "moved");
    expect(found).not.toBeNull();
    await withDatabase(async (database) => {
      const gate = createGate({ facts: database.gateFacts, audit: database.audit, now: () => new Date() });
      const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
      const settings = settingsOf("moved", "ceo@contoso.example");
      await database.fleet.provisioning.updateMailbox(grant, tenantId, mailboxId, settings);
    });
    expect((await bindingOf("acme", "moved")).found).toBeNull();
    const answer = await prove("acme/moved", `--by nonce --provider microsoft --answer ${nonce}`);
    expect(answer).toMatchObject({ code: 3 }); // what was sent to the old address proves nothing of the new one
  });
});

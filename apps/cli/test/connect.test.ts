import { openDatabase } from "@mailfleet/database";
import { MailboxId, TenantId } from "@mailfleet/domain";
import { createGate, processActor } from "@mailfleet/gate";
import {
  canRunPostfix,
  type DovecotServer,
  type OauthServer,
  type PostfixServer,
  startDovecot,
  startOauthServer,
  startPostfix,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Ending, type Environment } from "./command-line-at-hand.ts";

const ada = "ada@north.test";
const yes = { user: ada, consents: true };

describe.skipIf(!canRunPostfix())("mailbox connect", () => {
  let cli: CommandLineAtHand;
  let oauth: OauthServer;
  let dovecot: DovecotServer;
  let postfix: PostfixServer;
  let reach: Environment;

  beforeAll(async () => {
    oauth = await startOauthServer();
    const tokens = oauth.introspection();
    [cli, dovecot, postfix] = await Promise.all([
      commandLineAtHand(),
      startDovecot({ tokens }),
      startPostfix({ tokens, security: "starttls" }),
    ]);
    await cli.init();
    await cli.write("ca.pem", oauth.caPem);
    await cli.write("app.yaml", appFile(oauth.desktopApp.clientId));
    reach = {
      ...cli.operator,
      CLIENT_SECRET: oauth.desktopApp.clientSecret,
      TLS_CA_FILE: cli.path("ca.pem"),
      NETWORK_ALLOW_PRIVATE: "127.0.0.0/8, ::1/128",
    };
    const added = await cli.run(`provider-app add issuer -f ${cli.path("app.yaml")}`, reach);
    expect(added.code, added.stderr).toBe(0);
    await cli.write("tenants.yaml", "apiVersion: mailfleet/v1\ntenants: [{ key: acme }, { key: mallory }]\n");
    expect(await cli.run(`provision -f ${cli.path("tenants.yaml")}`, reach)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await Promise.all([cli?.close(), oauth?.close(), dovecot?.close(), postfix?.close()]);
  });

  const appFile = (clientId: string) => `
kind: oidc
issuer: ${oauth.issuer}
tokenEndpoint: ${oauth.tokenEndpoint}
clientId: ${clientId}
clientSecret: { env: CLIENT_SECRET }
scopes: ["https://mail.google.com/"]
`;
  const made = (address: string) =>
    `--address ${address} --imap localhost:${dovecot.imapsPort} --smtp localhost:${postfix.port}/starttls`;
  const commandOf = (mailbox: string, more = "") => {
    const [tenant, key] = mailbox.split("/");
    const flow = "--flow oauth-refresh-token --provider issuer --json";
    return `mailbox connect --tenant ${tenant} --mailbox ${key} ${flow} ${more}`;
  };

  /** Runs the command and does what a person at a browser would with the URL it shows. */
  async function connect(mailbox: string, more: string, atBrowser: (url: string, note: string) => Promise<unknown>) {
    const invited = Promise.withResolvers<[string, string]>();
    let note = "";
    const running = cli.run(commandOf(mailbox, more), reach, (text) => {
      note += text;
      const url = /^https:\S+$/m.exec(note)?.[0];
      if (url !== undefined) invited.resolve([url, note]);
    });
    const invitation = await Promise.race([invited.promise, running.then(() => null)]);
    if (invitation !== null) await atBrowser(...invitation);
    return running;
  }
  const asPerson = (person: typeof yes) => async (url: string) => fetch(await oauth.browser(person).visit(url));

  async function stored(mailbox: string) {
    const [tenant = "", key = ""] = mailbox.split("/");
    const database = await openDatabase({
      url: cli.environment["DATABASE_URL"] ?? "",
      poolSizeMax: 1,
      applicationName: "t",
    });
    try {
      const now = () => new Date();
      const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
      const grant = await gate.authorize({ actor: processActor("scheduler"), action: "fleet.read", resource: {} });
      const tenants = await database.fleet.provisioning.tenants(grant);
      const row = tenants.find((one) => one.key === tenant)?.mailboxes.find((one) => one.key === key);
      if (row === undefined) return null;
      return { tenantId: TenantId.parse(row.tenantId), mailboxId: MailboxId.parse(row.id), state: row.state };
    } finally {
      await database.close();
    }
  }
  const expectNoSecret = ({ stdout, stderr }: Ending) =>
    expect(stdout + stderr.replace(/^https:\S+$/m, "")).not.toMatch(
      new RegExp(`${oauth.desktopApp.clientSecret}|refresh_token|access_token|eyJ[A-Za-z0-9_-]{20}`),
    );

  it("makes a mailbox of nothing but its user's consent, which IMAP and SMTP both accepted", async () => {
    const ending = await connect("acme/ada", made(ada), asPerson(yes));
    expect(ending.code, ending.stderr).toBe(0);
    expect(ending.json()).toMatchObject({ state: "active", provider: "oidc", directory: null });
    expectNoSecret(ending);
    const listed = (await cli.run("mailbox list --tenant acme --json", reach)).json();
    expect(listed).toMatchObject([{ key: "ada", state: "active", address: ada }]);
    expect((await cli.run("audit list --json", reach)).stdout).toContain("proof:sign-in");
  });

  it("connects again in place of the old consent, on a device too", async () => {
    const exchanges = oauth.requestsCount("authorization_code");
    const ending = await connect("acme/ada", "--device", async (url, note) => {
      const code = /code ([A-Z-]+):/.exec(note)?.[1] ?? "";
      await oauth.browser(yes).enterCode(url, code);
    });
    expect(ending.code, ending.stderr).toBe(0);
    expect(ending.json()).toMatchObject({ state: "active" });
    expect(oauth.requestsCount("authorization_code")).toBe(exchanges);
    expectNoSecret(ending);
  });

  const altered = (name: string, value: string) => async (url: string) => {
    const back = await oauth.browser(yes).visit(url);
    back.searchParams.set(name, value);
    await fetch(back);
  };
  const askedWith = (name: string, value: string) => async (url: string) => {
    const asked = new URL(url);
    asked.searchParams.set(name, value);
    await fetch(await oauth.browser(yes).visit(asked.href));
  };
  const challenge = "A".repeat(43);

  it.each([
    ["another sign-in's state", () => altered("state", "foreign"), "sign-in.unfinished", "(state)"],
    ["another issuer's name", () => altered("iss", "https://evil.example"), "sign-in.unfinished", "(iss)"],
    ["an ID token for another nonce", () => askedWith("nonce", "foreign"), "sign-in.unfinished", "(nonce)"],
    [
      "a code that another client's key was asked for",
      () => askedWith("code_challenge", challenge),
      "login.refused",
      "invalid_grant",
    ],
    ["a denied consent", () => asPerson({ user: ada, consents: false }), "sign-in.unfinished", "allow it"],
    [
      "another account",
      () => asPerson({ user: "eve@north.test", consents: true }),
      "binding.unproven",
      "another account",
    ],
  ])("refuses %s, says what next, and leaves the mailbox as it is", async (_, person, code, told) => {
    const ending = await connect("mallory/ada", (await stored("mallory/ada")) === null ? made(ada) : "", person());
    expect(ending.json()).toMatchObject({ error: { code, message: expect.stringContaining(told) } });
    expect(ending.stderr).toContain("what to do:");
    expect(ending.stderr).not.toContain("eve@");
    expectNoSecret(ending);
    expect(await stored("mallory/ada")).toMatchObject({ state: "pending" });
  });

  it("gives up when nobody comes", async () => {
    const ending = await connect("mallory/ada", "--wait 1s", async () => {});
    expect(ending.json()).toMatchObject({
      error: { code: "sign-in.unfinished", message: expect.stringContaining("in time") },
    });
  });

  it("does not give a mailbox to a second tenant, whose user is the same, and does not say who has it", async () => {
    const ending = await connect("mallory/ada", "", asPerson(yes));
    expect(ending.json()).toMatchObject({ error: { code: "binding.taken" } });
    expect(ending.stdout + ending.stderr).not.toContain("acme");
    expect(await stored("mallory/ada")).toMatchObject({ state: "pending" });
  });

  it("tells the provider when the credential is revoked, and writes down what became of it", async () => {
    const before = await oauth.consentsCount(ada);
    const revoked = await cli.run("credential revoke acme/ada --json", reach);
    expect(revoked.json()).toMatchObject({ destroyed: true, provider: "revoked" });
    expect(await oauth.consentsCount(ada)).toBe(before - 1);
    expect((await cli.run("audit list --json", reach)).stdout).toContain("provider-revocation:revoked");
    expect((await cli.run("credential revoke acme/ada --json", reach)).json()).toMatchObject({
      destroyed: false,
      provider: "none",
    });
  });

  it("tells it when a mailbox is disconnected and when a tenant is offboarded", async () => {
    for (const command of ["mailbox disconnect acme/ada", "tenant offboard acme --confirm acme"]) {
      const more = (await stored("acme/bob")) === null ? made("bob@north.test") : "";
      const mailbox = command.startsWith("mailbox") ? "acme/ada" : "acme/bob";
      const person = command.startsWith("mailbox") ? yes : { user: "bob@north.test", consents: true };
      const connected = await connect(mailbox, mailbox === "acme/bob" ? more : "", asPerson(person));
      expect(connected.code, connected.stderr).toBe(0);
      const before = await oauth.consentsCount(person.user);
      const ended = await cli.run(`${command} --json`, reach);
      expect(ended.code, ended.stderr).toBe(0);
      expect(await oauth.consentsCount(person.user)).toBe(before - 1);
    }
    expect((await cli.run("audit list --json", reach)).stdout).toContain("provider-revocation:1 of 1");
  });

  it("wants to know an app that is there, and an address where there is no mailbox", async () => {
    expect((await cli.run(commandOf("mallory/new").replace("issuer", "nobody"), reach)).json()).toMatchObject({
      error: { code: "provider-app.missing" },
    });
    expect((await cli.run(commandOf("mallory/new"), reach)).json()).toMatchObject({
      error: { code: "resource.missing", message: expect.stringContaining("--address") },
    });
  });
});

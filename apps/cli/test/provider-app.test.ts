import {
  type DovecotServer,
  hasServer,
  type OauthServer,
  startDovecot,
  startOauthServer,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";

let cli: CommandLineAtHand;
let oauth: OauthServer;
let reach: Environment;

beforeAll(async () => {
  cli = await commandLineAtHand();
  [oauth] = await Promise.all([startOauthServer(), cli.init()]);
  await cli.write("ca.pem", oauth.caPem);
  reach = {
    ...cli.operator,
    CLIENT_SECRET: oauth.webApp.clientSecret,
    TLS_CA_FILE: cli.path("ca.pem"),
    NETWORK_ALLOW_PRIVATE: "127.0.0.0/8, ::1/128",
  };
});
afterAll(async () => {
  await cli.close();
  await oauth.close();
});

const issuer = () => `
kind: oidc
issuer: ${oauth.issuer}
tokenEndpoint: ${oauth.tokenEndpoint}
clientId: ${oauth.webApp.clientId}
clientSecret: { env: CLIENT_SECRET }
`;

describe("provider-app", () => {
  it("adds an app once, lists it without its secret, and rotates it in one command", async () => {
    await cli.write("issuer.yaml", issuer());
    const added = await cli.run(`provider-app add issuer -f ${cli.path("issuer.yaml")}`, reach);
    expect(added.code, added.stderr).toBe(0);
    expect((await cli.run(`provider-app add issuer -f ${cli.path("issuer.yaml")}`, reach)).code).not.toBe(0);
    const rotated = await cli.run(`provider-app rotate issuer -f ${cli.path("issuer.yaml")} --json`, reach);
    expect(rotated.code, rotated.stderr).toBe(0);
    const listed = await cli.run("provider-app list --json", reach);
    expect(listed.json()).toMatchObject([{ name: "issuer", kind: "oidc", version: 2, refusedReason: null }]);
    expect([added, rotated, listed].map(({ stdout, stderr }) => stdout + stderr).join()).not.toContain(
      oauth.webApp.clientSecret,
    );
  });

  it.each([
    ["a secret in the file", "kind: google\nclientId: x\nclientSecret: planted-secret\n"],
    ["neither secret nor certificate", `kind: microsoft\nclientId: ${crypto.randomUUID()}\n`],
    ["a key that is none", "kind: google-service-account\nkey: { env: CLIENT_SECRET }\n"],
    [
      "a token endpoint without TLS",
      "kind: oidc\nissuer: https://a.test\ntokenEndpoint: http://a.test\nclientId: x\nclientSecret: { env: CLIENT_SECRET }\n",
    ],
  ])("refuses %s and repeats nothing of it", async (_, text) => {
    await cli.write("faulty.yaml", text);
    const { code, stdout, stderr } = await cli.run(`provider-app add faulty -f ${cli.path("faulty.yaml")}`, reach);
    expect(code).not.toBe(0);
    expect(stdout + stderr).not.toMatch(/planted-secret/);
    expect(stdout + stderr).not.toContain(oauth.webApp.clientSecret);
  });
});

describe.skipIf(!hasServer("dovecot"))("a mailbox that a user consented to", () => {
  const user = "ada@north.test";
  let dovecot: DovecotServer;
  beforeAll(async () => {
    dovecot = await startDovecot({ tokens: oauth.introspection() });
    await cli.write("tokens.yaml", issuer());
    await cli.run(`provider-app add tokens -f ${cli.path("tokens.yaml")}`, reach);
  });
  afterAll(() => dovecot.close());

  const provision = async (refreshToken: string, app = "tokens") => {
    const imap = `{ host: localhost, port: ${dovecot.imapsPort}, security: tls }`;
    const credential = `{ flow: oauth-refresh-token, user: ${user}, app: ${app}, refreshToken: { env: REFRESH_TOKEN } }`;
    const mailbox = `{ key: ada, address: ${user}, imap: ${imap}, credential: ${credential} }`;
    await cli.write("tenants.yaml", `apiVersion: mailfleet/v1\ntenants: [{ key: acme, mailboxes: [${mailbox}] }]\n`);
    const ending = await cli.run(`provision -f ${cli.path("tenants.yaml")} --json`, {
      ...reach,
      REFRESH_TOKEN: refreshToken,
    });
    return {
      ...ending,
      told: ending.json() as { plan: { action: string }[]; results: { state: string; failure: string | null }[] },
    };
  };

  it("is connected by a real login, and stays as it is though the provider has replaced what the file says", async () => {
    const first = await oauth.consent(user);
    const made = await provision(first);
    expect(made.told.results, made.stderr).toMatchObject([{ state: "active", failure: null }]);
    const again = await provision(first);
    expect(again.told.plan.map(({ action }) => action)).toEqual(["unchanged", "unchanged"]);
    expect(again.told.results).toEqual([]);
  });

  it("says why when the consent is not good, or the app is not there, and stays what it was", async () => {
    const refused = await provision("made-up-token");
    expect(refused.told.results).toMatchObject([{ state: "active", failure: "login.refused" }]);
    const unknown = await provision(await oauth.consent(user), "nobody");
    expect(unknown.told.results).toMatchObject([{ state: "active", failure: "provider-app.missing" }]);
  });
});

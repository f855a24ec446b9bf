import { createHash, generateKeyPairSync } from "node:crypto";
import { type MailServer, Namespace, Secret, type TenantId } from "@mailfleet/domain";
import {
  canRunPostfix,
  type DovecotServer,
  freePort,
  type OauthServer,
  type PostfixServer,
  startDovecot,
  startOauthServer,
  startPostfix,
} from "@mailfleet/testkit/servers";
import {
  createTokenFlows,
  createTokenProvider,
  microsoftClouds,
  OauthRefreshTokenMaterial,
  type TokenFlow,
} from "@mailfleet/token-providers";
import { createCredentialStore, createSealedStores } from "@mailfleet/vault";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assertBinding } from "../src/binding/assert-binding.ts";
import { readMailbox } from "../src/commands/mailbox-lifecycle.ts";
import { readConfig } from "../src/config.ts";
import type { NewMaterial } from "../src/lifecycle/next-form.ts";
import { rotateCredential } from "../src/lifecycle/rotate-credential.ts";
import { type Target, within } from "../src/lifecycle/stage-credential.ts";
import { verifyLogin } from "../src/lifecycle/verify-login.ts";
import { openSession, type Session } from "../src/open-session.ts";
import { mailboxIdentity } from "../src/provisioning/mailbox-identity.ts";
import { putCredential } from "../src/provisioning/store-credential.ts";
import type { StoredForm } from "../src/provisioning/wanted-material.ts";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";

const directoryId = "0b9c1d3e-1111-4222-8333-444455556666";
const domain = "north.test";

describe.skipIf(!canRunPostfix())("credential rotate, of what is exchanged for tokens", () => {
  let cli: CommandLineAtHand;
  let oauth: OauthServer;
  let dovecot: DovecotServer;
  let postfix: PostfixServer;
  let reach: Environment;
  let session: Session;
  let flows: readonly TokenFlow[];
  let tenantId: TenantId;

  beforeAll(async () => {
    oauth = await startOauthServer({ directories: { [directoryId]: domain } });
    const tokens = oauth.introspection();
    [cli, dovecot, postfix] = await Promise.all([
      commandLineAtHand(),
      startDovecot({ tokens }),
      startPostfix({ tokens, security: "starttls" }),
    ]);
    await cli.init();
    await cli.write("ca.pem", oauth.caPem);
    const network = { TLS_CA_FILE: cli.path("ca.pem"), NETWORK_ALLOW_PRIVATE: "127.0.0.0/8, ::1/128" };
    reach = { ...cli.operator, ...network };
    session = await openSession(readConfig({ ...cli.environment, ...reach }));
    const clouds = { ...microsoftClouds, global: { ...microsoftClouds.global, loginHost: oauth.host } };
    const endpoints = { clouds, google: oauth.tokenEndpoint };
    flows = createTokenFlows({ now: session.now, tls: { caPem: oauth.caPem }, endpoints });
    await addApps();
    const provision = await session.authorize("fleet.provision", {});
    const limits = { ratePerSecond: 1, burst: 1, inFlightMax: 1 };
    const tenant = {
      key: "acme",
      namespace: Namespace.parse("acme"),
      settings: { weight: 1, poll: limits, deliver: limits },
    };
    const created = await session.database.fleet.provisioning.createTenant(provision, tenant);
    if (created === null) throw new Error("the tenant is there already");
    tenantId = created;
  });
  afterAll(async () => {
    await session?.close();
    await Promise.all([cli?.close(), oauth?.close(), dovecot?.close(), postfix?.close()]);
  });

  /** The operator's apps, and one with a secret that the provider takes no more. */
  async function addApps(): Promise<void> {
    const { directoryApp, certificateApp, serviceAccount, webApp } = oauth;
    await cli.write("app.crt", directoryApp.certificatePem);
    await cli.write("app.key", directoryApp.privateKeyPem);
    await cli.write("account.json", keyFile(serviceAccount.private_key));
    const env = {
      ...reach,
      WEB: webApp.clientSecret,
      ENTRA: directoryApp.clientSecret,
      OVER: "a-secret-that-has-ended",
    };
    const oidc = `issuer: ${oauth.issuer}\ntokenEndpoint: ${oauth.tokenEndpoint}\nclientId: ${webApp.clientId}`;
    const certificate = `{ certificate: { file: ${cli.path("app.crt")} }, privateKey: { file: ${cli.path("app.key")} } }`;
    const files = {
      issuer: `kind: oidc\n${oidc}\nclientSecret: { env: WEB }\nscopes: ["https://mail.google.com/"]\n`,
      entra: `kind: microsoft\nclientId: ${directoryApp.clientId}\nclientSecret: { env: ENTRA }\n`,
      "entra-certificate": `kind: microsoft\nclientId: ${certificateApp.clientId}\ncertificate: ${certificate}\n`,
      "entra-ended": `kind: microsoft\nclientId: ${directoryApp.clientId}\nclientSecret: { env: OVER }\n`,
      workspace: `kind: google-service-account\nkey: { file: ${cli.path("account.json")} }\n`,
    };
    for (const [name, text] of Object.entries(files)) {
      await cli.write("app.yaml", text);
      const added = await cli.run(`provider-app add ${name} -f ${cli.path("app.yaml")}`, env);
      expect(added.code, added.stderr).toBe(0);
    }
  }
  const keyFile = (privateKey: string) =>
    JSON.stringify({ type: "service_account", ...oauth.serviceAccount, private_key: privateKey });

  const settingsOf = (address: string, imapPort = dovecot.imapsPort) => {
    const imap: MailServer = { host: "localhost", port: imapPort, security: "tls" };
    const smtp: MailServer = { host: "localhost", port: postfix.port, security: "starttls" };
    const identity = mailboxIdentity({ host: imap.host, user: address });
    return { address, displayName: null, imap, smtp, folder: "INBOX", startFrom: "now", identity } as const;
  };

  /** A mailbox that works with this. */
  async function addMailbox(key: string, form: StoredForm, provider?: "google" | "microsoft"): Promise<Target> {
    const grant = await session.authorize("fleet.provision", {});
    const settings = settingsOf(`${key}@${domain}`);
    const mailboxId = await session.database.fleet.provisioning.createMailbox(grant, tenantId, key, settings);
    const target = { tenantId, mailboxId };
    if (provider !== undefined) {
      const directory = provider === "google" ? domain : directoryId;
      await assertBinding(session, target, { provider, directory, subject: settings.address });
    }
    await putCredential(session, await session.authorize("credential.manage", target), mailboxId, form);
    await session.database.mailboxes.prove(await session.authorize("mailbox.manage", target), mailboxId);
    await expectItWorks(target);
    return target;
  }
  async function addConsented(key: string): Promise<Target> {
    const user = `${key}@${domain}`;
    const material = { user, app: "issuer", refreshToken: await oauth.consent(user) };
    return addMailbox(key, { flow: "oauth-refresh-token", material });
  }

  /** As the workers sign in, with what is in force now. */
  async function expectItWorks(target: Target): Promise<void> {
    const grant = () => session.authorize("fleet.provision", {});
    const sealed = createSealedStores({ rows: session.database, vault: await session.vault(), grant });
    const exchanges = { ...sealed, random: Math.random, onAppRefused: () => {} };
    const tokens = createTokenProvider({ flows, credentials: sealed.credentials, exchanges, now: session.now });
    const access = await session.authorize("credential.manage", target);
    const login = await tokens.login(access, target.mailboxId, within());
    await verifyLogin(session, await readMailbox(session, tenantId, target.mailboxId), login);
    // The next to ask exchanges what is in force, and does not live on what an earlier version brought.
    await tokens.reject(access, target.mailboxId, login, within());
  }

  async function inForce(target: Target) {
    const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
    const grant = await session.authorize("credential.manage", target);
    return store.use(grant, target.mailboxId, async ({ version, material }) => ({ version, material }), within());
  }
  async function staged(target: Target) {
    const grant = await session.authorize("credential.manage", target);
    return session.database.credentialLifecycle.staged(grant, target.mailboxId);
  }
  const rotate = async (target: Target, wanted: NewMaterial) => rotateCredential(session, target, wanted, flows);

  /** As an operator does it, with a refresh token in a file. */
  async function rotateTo(key: string, refreshToken: string) {
    await cli.write("refresh-token", `${refreshToken}\n`);
    const ending = await cli.run(
      `credential rotate acme/${key} --refresh-token-file ${cli.path("refresh-token")} --json`,
      reach,
    );
    expect(ending.stdout + ending.stderr).not.toContain(refreshToken);
    return ending;
  }

  it("puts a new refresh token in force, in the form the provider gave for it, once IMAP and SMTP took it", async () => {
    const target = await addConsented("ada");
    const before = await inForce(target);
    const given = await oauth.consent(`ada@${domain}`);
    const ending = await rotateTo("ada", given);
    expect(ending.code, ending.stderr).toBe(0);
    const after = await inForce(target);
    expect(ending.json()).toMatchObject({ version: before.version + 1, state: "active" });
    const { refreshToken, firstSha256 } = OauthRefreshTokenMaterial.parse(after.material);
    expect(after.version).toBe(before.version + 1);
    expect(firstSha256).toBe(createHash("sha256").update(given).digest("base64url"));
    expect(refreshToken).not.toBe(given); // used up by the proof
    expect(await staged(target)).toBeNull();
    await expectItWorks(target);
  });

  it.each([
    ["that the provider does not know", "made-up", async () => "made-up-refresh-token"],
    ["of another user, whom the mail server does not let in", "foreign", () => oauth.consent(`eve@${domain}`)],
  ])("keeps the old refresh token in force over one %s", async (_, key, given) => {
    const target = await addConsented(key);
    const before = await inForce(target);
    const ending = await rotateTo(key, await given());
    expect(ending.json()).toMatchObject({ error: { code: "login.refused" } });
    expect(await inForce(target)).toEqual(before);
    expect(await staged(target)).toBeNull();
    await expectItWorks(target);
  });

  it("keeps what it got for a refresh token while the mail server is away, and goes on from there", async () => {
    const target = await addConsented("away");
    const before = await inForce(target);
    const given = await oauth.consent(`away@${domain}`);
    await moveImap(target, "away", await freePort());
    expect((await rotateTo("away", given)).json()).toMatchObject({ error: { code: "provider.unavailable" } });
    expect(await inForce(target)).toEqual(before);
    await moveImap(target, "away", dovecot.imapsPort);
    await expectItWorks(target); // on the old one, which was used meanwhile
    const ending = await rotateTo("away", given); // asked with again, the provider would end all that came of it
    expect(ending.code, ending.stderr).toBe(0);
    const { firstSha256 } = OauthRefreshTokenMaterial.parse((await inForce(target)).material);
    expect(firstSha256).toBe(createHash("sha256").update(given).digest("base64url"));
    expect(await staged(target)).toBeNull();
    await expectItWorks(target);
  });
  async function moveImap({ mailboxId }: Target, key: string, port: number): Promise<void> {
    const grant = await session.authorize("fleet.provision", {});
    const settings = settingsOf(`${key}@${domain}`, port);
    await session.database.fleet.provisioning.updateMailbox(grant, tenantId, mailboxId, settings);
  }

  it("does not use up the refresh token in force by rotating to it", async () => {
    const target = await addConsented("same");
    const given = await oauth.consent(`same@${domain}`);
    expect(await rotateTo("same", given)).toMatchObject({ code: 0 });
    const before = await inForce(target);
    expect((await rotateTo("same", given)).json()).toMatchObject({ error: { code: "resource.conflicting" } });
    expect(await inForce(target)).toEqual(before);
    await expectItWorks(target);
  });

  it("says which options a mailbox's flow takes, and wants one new secret", async () => {
    const target = await addConsented("bob");
    const before = await inForce(target);
    for (const wrong of ["--password-env X", "--key-env K", "--app entra"]) {
      const refused = await cli.run(`credential rotate acme/bob ${wrong} --json`, {
        ...reach,
        X: "x",
        K: keyFile(oauth.serviceAccount.private_key),
      });
      expect(refused.json(), wrong).toMatchObject({
        error: { code: "resource.conflicting", message: expect.stringContaining("--refresh-token-file") },
      });
    }
    for (const wrong of ["", "--password-env X --key-env K", "--key-env K --app entra", "--app entra --user x"]) {
      expect(await cli.run(`credential rotate acme/bob ${wrong}`, reach), wrong).toMatchObject({ code: 2 });
    }
    expect(await inForce(target)).toEqual(before);
  });

  it("puts a service account key of the customer's own in the place of our app, and keeps it over a foreign one", async () => {
    const material = { user: `google@${domain}`, app: "workspace" };
    const target = await addMailbox("google", { flow: "google-service-account", material }, "google");
    const key = Secret.of(keyFile(oauth.serviceAccount.private_key));
    const rotated = await rotate(target, { kind: "service-account-key", key });
    expect(rotated).toEqual({ version: 2, state: "active" });
    expect(await inForce(target)).toMatchObject({ version: 2, material: { key: { clientEmail: expect.any(String) } } });
    await expectItWorks(target);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const foreign = Secret.of(keyFile(privateKey.export({ type: "pkcs8", format: "pem" }).toString()));
    await expect(rotate(target, { kind: "service-account-key", key: foreign })).rejects.toThrow(/token endpoint/);
    expect(await inForce(target)).toMatchObject({ version: 2 });
    expect(await staged(target)).toBeNull();
    await expectItWorks(target);
  });

  it("moves a mailbox from an app's secret to a certificate, and not to a secret that has ended", async () => {
    const material = { user: `entra@${domain}`, app: "entra" };
    const target = await addMailbox("entra", { flow: "microsoft-client-credentials", material }, "microsoft");
    await expect(rotate(target, { kind: "app", app: "entra-ended" })).rejects.toMatchObject({
      code: "provider-app.refused",
    });
    await expect(rotate(target, { kind: "app", app: "nobody" })).rejects.toMatchObject({
      code: "provider-app.missing",
    });
    expect(await inForce(target)).toEqual({ version: 1, material });
    expect(await staged(target)).toBeNull();
    await expectItWorks(target);
    expect(await rotate(target, { kind: "app", app: "entra-certificate" })).toEqual({ version: 2, state: "active" });
    expect(await inForce(target)).toEqual({ version: 2, material: { ...material, app: "entra-certificate" } });
    await expectItWorks(target);
  });
});

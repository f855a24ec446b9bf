import { type Binding, type Login, MailboxId, newId } from "@mailfleet/domain";
import { describeTokenProvider } from "@mailfleet/testkit";
import { type OauthServer, startOauthServer } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { credentialOf } from "./memory-credential-reader.ts";
import { appsOf, openWorld } from "./provider-world.ts";

const never = { signal: new AbortController().signal };
const [north, south] = ["0a0a0a0a-1111-4222-8333-444444444444", "0b0b0b0b-1111-4222-8333-444444444444"];
const directories = { [north]: "north.test", [south]: "south.test" };

type Material = (server: OauthServer, user: string) => Promise<object>;

const proven = (provider: Binding["provider"], user: string, directory = directoryOf(user)): Binding => ({
  provider,
  directory,
  subject: user,
});
const directoryOf = (user: string) => (user.endsWith("@north.test") ? north : south);

const flows: readonly (readonly [string, string, Material, Binding["provider"] | null])[] = [
  ["a secret", "microsoft-client-credentials", async (_, user) => ({ user, app: "directory" }), "microsoft"],
  ["a certificate", "microsoft-client-credentials", async (_, user) => ({ user, app: "certificate" }), "microsoft"],
  ["the operator's account", "google-service-account", async (_, user) => ({ user, app: "workspace" }), "google"],
  [
    "the customer's own key",
    "google-service-account",
    async (server, user) => ({ user, key: appsOf(server).workspace.material.key }),
    null,
  ],
  [
    "Google's form",
    "oauth-refresh-token",
    async (server, user) => ({ user, app: "google", refreshToken: await server.consent(user) }),
    null,
  ],
  [
    "an issuer of the operator's",
    "oauth-refresh-token",
    async (server, user) => ({ user, app: "issuer", refreshToken: await server.consent(user) }),
    null,
  ],
];

describe.each(flows)("with %s, the flow %s", (_, flow, material, boundAt) => {
  describeTokenProvider(`createTokenProvider with ${flow}`, async () => {
    const server = await startOauthServer({ directories });
    const { provider, stored, accessTo } = openWorld(server, appsOf(server));
    const [one, two, broken] = [newId(MailboxId), newId(MailboxId), newId(MailboxId)];
    const store = async (mailboxId: MailboxId, user: string) => {
      const binding = boundAt === null ? null : proven(boundAt, user);
      stored.set(mailboxId, credentialOf(flow, await material(server, user), binding));
    };
    await store(one, "one@north.test");
    await store(two, "two@south.test");
    stored.set(broken, credentialOf(flow, { user: 7, planted: "planted-in-vain" }));
    const mailboxOf = async (mailboxId: MailboxId) => {
      const login = await provider.login(await accessTo(mailboxId), mailboxId, never);
      return { mailboxId, kind: "bearer", user: login.user, secret: tokenOf(login) } as const;
    };
    return {
      provider,
      accessTo,
      mailboxes: [await mailboxOf(one), await mailboxOf(two)],
      withoutCredential: newId(MailboxId),
      unreadable: { mailboxId: broken, planted: "planted-in-vain" },
      close: server.close,
    };
  });
});

type World = ReturnType<typeof openWorld>;

describe("what is asked of a token endpoint", () => {
  let server: OauthServer;
  beforeAll(async () => {
    server = await startOauthServer({ directories });
  });
  afterAll(() => server.close());

  async function mailbox(world: World, flow: string, material: object, binding: Binding | null = null) {
    const mailboxId = newId(MailboxId);
    world.stored.set(mailboxId, credentialOf(flow, material, binding));
    const grant = await world.accessTo(mailboxId);
    return { mailboxId, login: (options = never) => world.provider.login(grant, mailboxId, options), grant };
  }
  const ofDirectory = (world: World, user: string, app = "directory") =>
    mailbox(world, "microsoft-client-credentials", { user, app }, proven("microsoft", user));
  const refreshing = async (user: string) => ({ user, app: "issuer", refreshToken: await server.consent(user) });

  it("is one token for all mailboxes of a directory, and one for each directory", async () => {
    const world = openWorld(server, appsOf(server));
    const before = server.requestsCount("client_credentials");
    const [a, b, c] = [
      await ofDirectory(world, "a@north.test"),
      await ofDirectory(world, "b@north.test"),
      await ofDirectory(world, "c@south.test"),
    ];
    const logins = [await a.login(), await b.login(), await c.login()];
    expect(logins.map(({ user }) => user)).toEqual(["a@north.test", "b@north.test", "c@south.test"]);
    expect(tokenOf(logins[0])).toBe(tokenOf(logins[1]));
    expect(tokenOf(logins[0])).not.toBe(tokenOf(logins[2]));
    expect(server.requestsCount("client_credentials") - before).toBe(2);
  });

  it("waits until an answer could be sealed, and hands nothing out before the rotated token is stored", async () => {
    const world = openWorld(server, appsOf(server));
    const { login } = await mailbox(world, "oauth-refresh-token", await refreshing("order@north.test"));
    await login();
    expect(world.tokens.order).toEqual(["prepare", "store-rotated"]);
  });

  it("is stored though whoever asked has left in the middle of the exchange", async () => {
    const world = openWorld(server, appsOf(server));
    const material = await refreshing("left@north.test");
    const { login, mailboxId } = await mailbox(world, "oauth-refresh-token", material);
    const leaving = new AbortController();
    server.onAnswered(async () => leaving.abort(new Error("left")));
    await expect(login({ signal: leaving.signal })).rejects.toThrow("left");
    server.onAnswered(null);
    await world.provider.close();
    expect(world.stored.get(mailboxId)?.material).not.toEqual(material);
    expect((await login()).user).toBe("left@north.test");
  });

  it("is not asked by a process that was held up until somebody else may ask", async () => {
    const world = openWorld(server, appsOf(server), { leaseMs: 1_000, answerMsMax: 600, storeMsMax: 600 });
    const { login, mailboxId } = await mailbox(world, "oauth-refresh-token", await refreshing("late@north.test"));
    const [before, stored] = [server.requestsCount(), world.stored.get(mailboxId)];
    await expect(login()).rejects.toMatchObject({ code: "provider.unavailable", remedy: "retry" });
    expect(server.requestsCount()).toBe(before);
    expect(world.stored.get(mailboxId)).toBe(stored);
  });

  it("names a broken app once, blocks it, and asks nothing more with it", async () => {
    const apps = appsOf(server);
    const secret = { kind: "secret", clientSecret: "expired" };
    const broken = { kind: "microsoft", material: { ...apps.directory.material, secret } };
    const world = openWorld(server, { ...apps, broken });
    const before = server.requestsCount();
    for (const user of ["x@north.test", "y@north.test", "z@south.test"]) {
      const { login } = await ofDirectory(world, user, "broken");
      await expect(login()).rejects.toMatchObject({ code: "provider-app.refused", remedy: "page-operator" });
    }
    expect(server.requestsCount() - before).toBe(1);
    expect(world.refusedApps).toEqual(["broken"]);
  });

  it("is nothing for an address that was not the one that was proven, not even of a token we hold", async () => {
    const world = openWorld(server, appsOf(server));
    const user = "known@north.test";
    const material = await refreshing(user);
    const { login, mailboxId } = await mailbox(world, "oauth-refresh-token", material, proven("oidc", user));
    await login();
    const before = server.requestsCount();
    const stored = world.stored.get(mailboxId)?.material;
    world.stored.set(mailboxId, credentialOf("oauth-refresh-token", stored, proven("oidc", "another@north.test")));
    await expect(login()).rejects.toMatchObject({ code: "binding.unproven" });
    expect(server.requestsCount()).toBe(before);
  });

  it("is told apart: a consent taken back is the user's to renew", async () => {
    const world = openWorld(server, appsOf(server));
    const { login } = await mailbox(world, "oauth-refresh-token", await refreshing("gone@north.test"));
    await server.withdraw("gone@north.test");
    await expect(login()).rejects.toMatchObject({ code: "login.refused", remedy: "reconnect" });
  });

  it("is refused when the app's certificate is not the registered one", async () => {
    const apps = appsOf(server);
    const other = {
      ...apps.certificate.material,
      secret: { kind: "certificate", certificatePem: "no PEM", privateKeyPem: "no PEM" },
    };
    const world = openWorld(server, { ...apps, other: { kind: "microsoft", material: other } });
    const { login } = await ofDirectory(world, "u@north.test", "other");
    await expect(login()).rejects.toMatchObject({ code: "provider-app.refused" });
  });
});

function tokenOf(login: Login | undefined): string {
  if (login?.kind !== "bearer") throw new Error("no bearer token");
  return login.token.reveal();
}

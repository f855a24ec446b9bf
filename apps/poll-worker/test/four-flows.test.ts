import { type MailboxId, type NetworkGuard, Secret } from "@mailfleet/domain";
import { createImapMailSource } from "@mailfleet/mail-source";
import { createSmtpMailTransport } from "@mailfleet/mail-transport";
import {
  canRunPostfix,
  type DovecotServer,
  hasServer,
  type PostfixServer,
  startDovecot,
  startPostfix,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directoryId, openTokenFleet, type Proven, type TokenFleet } from "./token-fleet.ts";

const never = { signal: new AbortController().signal };
const guard: NetworkGuard = { vet: async () => ({ address: "127.0.0.1", family: 4 }) };
const now = () => new Date();

type Material = (fleet: TokenFleet, user: string) => Promise<object>;
const flows: readonly (readonly [string, Material, Proven | undefined])[] = [
  [
    "microsoft-client-credentials",
    async (_, user) => ({ user, app: "directory" }),
    { provider: "microsoft", directory: directoryId },
  ],
  [
    "google-service-account",
    async (_, user) => ({ user, app: "workspace" }),
    { provider: "google", directory: "north.test" },
  ],
  [
    "oauth-refresh-token",
    async ({ server }, user) => ({ user, app: "issuer", refreshToken: await server.consent(user) }),
    undefined,
  ],
  ["password", async (_, user) => ({ user, password: "right" }), undefined],
];
const userOf = (flow: string) => `${flow}@north.test`;

/** The mail servers judge each token themselves, by asking the server that gave it. */
describe.skipIf(!hasServer("dovecot") || !canRunPostfix())("Dovecot and Postfix", () => {
  let fleet: TokenFleet;
  let dovecot: DovecotServer;
  let postfix: PostfixServer;
  const mailboxes = new Map<string, MailboxId>();

  beforeAll(async () => {
    fleet = await openTokenFleet();
    const tokens = fleet.server.introspection();
    const users = { [userOf("password")]: "right" };
    [dovecot, postfix] = await Promise.all([
      startDovecot({ password: "right", tokens }),
      startPostfix({ users, tokens }),
    ]);
    for (const [flow, material, proven] of flows) {
      const user = userOf(flow);
      mailboxes.set(flow, await fleet.addMailbox(user, flow, await material(fleet, user), proven));
    }
  });
  afterAll(async () => {
    await Promise.all([dovecot.close(), postfix.close()]);
    await fleet.close();
  });

  async function signIn(flow: string) {
    const mailboxId = mailboxes.get(flow);
    if (mailboxId === undefined) throw new Error("there is no such mailbox");
    const grant = await fleet.stack.pollGrant(fleet.tenantId, mailboxId);
    return { grant, mailboxId, login: await fleet.stack.tokens.login(grant, mailboxId, never) };
  }
  type Login = Awaited<ReturnType<typeof signIn>>["login"];
  const open = (login: Login) => {
    const source = createImapMailSource({ guard, tls: { caPem: dovecot.caPem }, now });
    return source.connect({ server: { host: "localhost", port: dovecot.imapsPort, security: "tls" }, login }, never);
  };

  it.each(flows)("%s reads what arrived and sends", async (flow) => {
    const { login } = await signIn(flow);
    await dovecot.deliver(userOf(flow), Buffer.from(`Subject: for ${flow}\r\n\r\nhello\r\n`));
    const connection = await open(login);
    try {
      await connection.examine("INBOX", never);
      expect(await connection.listUids(1, never)).toEqual([1]);
    } finally {
      await connection.close();
    }

    const { host, port, security, caPem } = postfix;
    const transport = createSmtpMailTransport({ guard, tls: { caPem }, now });
    const to = `to-${flow}@example.com`;
    const raw = new Uint8Array(Buffer.from(`Subject: from ${flow}\r\n\r\nhello\r\n`));
    const message = { envelope: { from: userOf(flow), to: [to] }, raw };
    const via = { server: { host, port, security }, login };
    expect(await transport.send(via, message, { ...never, beforeTransmit: async () => {} })).toMatchObject({
      accepted: [to],
    });
    expect((await postfix.delivered()).map(({ recipient }) => recipient)).toContain(to);
  });

  it("refuse a token that was revoked; once it was rejected, the next login brings another, which they take", async () => {
    const { login, grant, mailboxId } = await signIn("oauth-refresh-token");
    if (login.kind !== "bearer") throw new Error("no token");
    await fleet.server.revoke(login.token.reveal());
    await expect(open(login)).rejects.toMatchObject({ code: "login.refused" });
    await fleet.stack.tokens.reject(grant, mailboxId, login, never);
    const { login: next } = await signIn("oauth-refresh-token");
    await (await open(next)).close();
  });

  it("refuse a token of one user for the mailbox of another, and a directory's for another domain", async () => {
    const own = await signIn("oauth-refresh-token");
    await expect(open({ ...own.login, user: "somebody-else@north.test" })).rejects.toMatchObject({
      code: "login.refused",
    });
    const directory = await signIn("microsoft-client-credentials");
    await (await open({ ...directory.login, user: "somebody-else@north.test" })).close();
    await expect(open({ ...directory.login, user: "boss@south.test" })).rejects.toMatchObject({
      code: "login.refused",
    });
  });

  it("refuse a made-up token", async () => {
    const made = { kind: "bearer", user: userOf("password"), token: Secret.of("made-up"), expiresAt: now() } as const;
    await expect(open(made)).rejects.toMatchObject({ code: "login.refused" });
  });
});

import { setTimeout as pause } from "node:timers/promises";
import { type Login, type NetworkGuard, OperationalError, Secret } from "@mailfleet/domain";
import {
  type ScriptedSmtp,
  type ScriptedSmtpOptions,
  type SmtpScript,
  startScriptedSmtp,
} from "@mailfleet/testkit/servers";
import { afterEach, describe, expect, it } from "vitest";
import { createSmtpMailTransport, type SmtpMailTransportOptions } from "./create-smtp-mail-transport.ts";

const now = new Date("2026-03-01T12:00:00Z");
const user = "canary-user@example.com";
const small = new Uint8Array(Buffer.from("Subject: canary-subject\r\n\r\ncanary-body\r\n"));
/** More than the buffers between two sockets hold. */
const large = new Uint8Array(Buffer.from(`Subject: x\r\n\r\n${`${"x".repeat(900)}\r\n`.repeat(50_000)}`));
const password: Login = { kind: "password", user, password: Secret.of("canary-password") };
const bearer: Login = { kind: "bearer", user, token: Secret.of("canary-token"), expiresAt: now };
const loopback: NetworkGuard = { vet: async () => ({ address: "127.0.0.1", family: 4 }) };
/** Longer than any test lasts: what ends here ends for the reason it names. */
const limits = {
  connectMsMax: 60_000,
  loginMsMax: 60_000,
  envelopeMsMax: 60_000,
  bodyMsMax: 60_000,
  replyMsMax: 60_000,
};
const silence = () => new Promise<string>(() => {});

let server: ScriptedSmtp;
afterEach(() => server.close());

type Attempt = Partial<SmtpMailTransportOptions> & {
  readonly host?: string;
  readonly login?: Login;
  readonly to?: readonly string[];
  readonly raw?: Uint8Array;
  readonly signal?: AbortSignal;
};

async function start(script: SmtpScript = {}, options: ScriptedSmtpOptions = {}): Promise<void> {
  server = await startScriptedSmtp({ login: { user, secret: "canary-password" }, script, ...options });
}

function send(attempt: Attempt = {}) {
  const {
    host = server.host,
    login = password,
    to = ["canary-anna@example.com"],
    raw = small,
    signal,
    ...options
  } = attempt;
  const { port, security, caPem } = server;
  const transport = createSmtpMailTransport({ guard: loopback, tls: { caPem }, limits, now: () => now, ...options });
  const message = { envelope: { from: user, to }, raw };
  return transport.send({ server: { host, port, security }, login }, message, {
    signal: signal ?? new AbortController().signal,
    beforeTransmit: async () => {},
  });
}

/** The error of a send that must fail, checked to tell nobody's secret, address or words. */
async function failureOf(sending: Promise<unknown>): Promise<OperationalError> {
  const error = await sending.then(
    () => expect.unreachable("the send succeeded"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof OperationalError)) throw error;
  expect(`${error.stack} ${error.publicMessage} ${String(error.cause)}`).not.toMatch(/canary/);
  return error;
}

const loginsSeen = () => server.seen.commands.filter((command) => command.startsWith("AUTH"));

describe("encryption", () => {
  it.each([
    ["is not offered", { starttls: "hide" }, "connection.insecure"],
    ["is refused for good", { starttls: "502 5.7.0 not supported" }, "connection.insecure"],
    ["is out of order for now", { starttls: "454 4.7.0 TLS not available" }, "provider.unavailable"],
  ] as const)("no login and no message leave in cleartext where STARTTLS %s", async (_, script, code) => {
    await start(script);
    expect(await failureOf(send())).toMatchObject({ code });
    expect(loginsSeen()).toEqual([]);
    expect(server.seen.messages).toEqual([]);
  });

  it.each(["starttls", "tls"] as const)(
    "a certificate nobody vouches for ends it before the login, over %s",
    async (security) => {
      await start({}, { security });
      expect(await failureOf(send({ tls: {} }))).toMatchObject({ code: "connection.insecure" });
      expect(loginsSeen()).toEqual([]);
    },
  );

  it.each(["starttls", "tls"] as const)(
    "a certificate of another name ends it before the login, over %s",
    async (security) => {
      await start({}, { security, names: ["elsewhere.example.com"] });
      expect(await failureOf(send({ host: "mail.example.com" }))).toMatchObject({ code: "connection.insecure" });
      expect(loginsSeen()).toEqual([]);
    },
  );

  it("implicit TLS towards a port that speaks cleartext first is connection.insecure", async () => {
    await start();
    server = { ...server, security: "tls" };
    expect(await failureOf(send())).toMatchObject({ code: "connection.insecure" });
    expect(loginsSeen()).toEqual([]);
  });

  it("dials the address the guard judged, and holds the certificate against the name", async () => {
    await start({}, { names: ["mail.nowhere.invalid"] }); // a name that no resolver knows
    expect(await send({ host: "mail.nowhere.invalid" })).toMatchObject({ refused: [] });
  });

  it("dials nothing that the guard refuses", async () => {
    await start();
    const guard: NetworkGuard = { vet: () => Promise.reject(new OperationalError("host.refused", "private")) };
    expect(await failureOf(send({ guard }))).toMatchObject({ code: "host.refused" });
    expect(server.seen.connectionsCount).toBe(0);
  });
});

describe("login", () => {
  it("hands in with a bearer token over XOAUTH2", async () => {
    await start({}, { login: { user, secret: "canary-token" } });
    await send({ login: bearer });
    expect(loginsSeen()).toEqual(["AUTH XOAUTH2"]);
    expect(server.seen.messages).toHaveLength(1);
  });

  it.each([
    ["535 5.7.8 Error: authentication failed", password, "login.refused"],
    ["535 5.7.8 Error: authentication failed", bearer, "login.suspect"],
    [
      "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
      bearer,
      "login.refused",
    ],
    ["421 4.7.0 Try again later", password, "provider.throttled"],
    ["454 4.7.0 Too many login attempts, please try again later.", password, "sending.limited"],
    ["503 5.5.1 Error: authentication not enabled", password, "login.suspect"],
    ["drop", password, "provider.unavailable"],
  ] as const)("%s", async (auth, login, code) => {
    await start({ auth });
    expect(await failureOf(send({ login }))).toMatchObject({ code });
    expect(server.seen.messages).toEqual([]);
    expect(loginsSeen()).toHaveLength(1); // one try: repeating a password locks its owner out
  });
});

describe("envelope", () => {
  it.each([
    [
      "a sender that is not ours",
      { sender: "550 5.7.60 SMTP; Client does not have permissions to send as this sender" },
      "send.refused",
    ],
    ["a server that is full", { sender: "452 4.3.1 Insufficient system storage" }, "send.deferred"],
    ["DATA refused for now", { data: "451 4.3.0 canary-anna@example.com: try again" }, "send.deferred"],
    ["a daily limit", { sender: "550 5.4.5 Daily user sending limit exceeded." }, "sending.limited"],
    ["a server that closes", { sender: "421 4.3.2 Service shutting down" }, "provider.throttled"],
    ["a connection lost at MAIL FROM", { sender: "drop" }, "provider.unavailable"],
    ["a connection lost at DATA", { data: "drop" }, "provider.unavailable"],
    ["a message larger than the server takes", { extensions: ["SIZE 20", "AUTH PLAIN"] }, "send.refused"],
  ] as const)("%s hands nothing over", async (_, script, code) => {
    await start(script);
    expect(await failureOf(send())).toMatchObject({ code });
    expect(server.seen.messages).toEqual([]);
  });

  it("a limit of the mailbox, said to every recipient, is thrown and not held against the recipients", async () => {
    const limit = "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit";
    await start({ recipients: { "canary-anna@example.com": limit, "canary-bert@example.com": limit } });
    const error = await failureOf(send({ to: ["canary-anna@example.com", "canary-bert@example.com"] }));
    expect(error).toMatchObject({ code: "sending.limited", retryAt: new Date("2026-03-01T18:00:00Z") });
  });

  it("a limit of the mailbox, reached in the middle of the recipients, leaves the rest to be tried later", async () => {
    await start({ recipients: { "canary-bert@example.com": "550 5.4.5 Daily user sending limit exceeded" } });
    const receipt = await send({ to: ["canary-anna@example.com", "canary-bert@example.com"] });
    expect(receipt.refused).toMatchObject([{ code: 550, enhancedCode: "5.4.5", permanent: false }]);
  });
});

describe("reply to the message", () => {
  it.each([
    ["refused for good", "554 5.7.1 Message rejected: canary-anna@example.com", "send.refused"],
    ["refused for now", "451 4.7.1 Greylisted", "send.deferred"],
    ["the mailbox blocked", "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; canary", "sending.blocked"],
    ["no reply that SMTP knows", "what?", "send.outcome-unknown"],
    ["a reply of another step", "354 go on", "send.outcome-unknown"],
  ])("%s is known for what it is", async (_, reply, code) => {
    await start({ reply });
    expect(await failureOf(send())).toMatchObject({ code });
    expect(server.seen.messages).toHaveLength(1);
  });

  it("a reply after the deadline comes too late: the outcome is unknown, and the message left once", async () => {
    const late = Promise.withResolvers<string>();
    await start({ reply: () => late.promise });
    expect(await failureOf(send({ limits: { ...limits, replyMsMax: 100 } }))).toMatchObject({
      code: "send.outcome-unknown",
    });
    late.resolve("250 2.0.0 Ok");
    expect(server.seen.messages).toHaveLength(1);
    expect(server.seen.connectionsCount).toBe(1);
  });

  it("a reply before the deadline counts, however slow", async () => {
    const slow = Promise.withResolvers<string>();
    await start({ reply: () => slow.promise });
    const sending = send();
    await expect.poll(() => server.seen.messages.length, { interval: 5 }).toBe(1);
    slow.resolve("250 2.0.0 Ok");
    expect(await sending).toMatchObject({ accepted: ["canary-anna@example.com"] });
  });

  it("tells the Message-ID that Outlook puts in place of ours", async () => {
    await start({
      reply: "250 2.0.0 OK <AM0PR01MB1@AM0PR01MB1.eurprd01.prod.outlook.com> [Hostname=AM0.eurprd01.prod.outlook.com]",
    });
    expect((await send()).serverMessageId).toBe("<AM0PR01MB1@AM0PR01MB1.eurprd01.prod.outlook.com>");
  });
});

describe("time", () => {
  it.each([
    ["greeting", { greeting: silence }, { connectMsMax: 100 }],
    ["login", { auth: silence }, { loginMsMax: 100 }],
    ["answer to the envelope", { sender: silence }, { envelopeMsMax: 100 }],
  ] as const)("a server that owes its %s is given up, and nothing was sent", async (_, script, short) => {
    await start(script);
    expect(await failureOf(send({ limits: { ...limits, ...short } }))).toMatchObject({ code: "provider.unavailable" });
    expect(server.seen.messages).toEqual([]);
  });

  it.each([
    ["greeting", { greeting: silence }, () => server.seen.connectionsCount],
    ["login", { auth: silence }, () => loginsSeen().length],
    [
      "answer to the envelope",
      { sender: silence },
      () => server.seen.commands.filter((line) => line.startsWith("MAIL")).length,
    ],
  ] as const)("an abort ends the wait for the %s, and nothing was sent", async (_, script, reached) => {
    await start(script);
    const stop = new AbortController();
    const failure = failureOf(send({ signal: stop.signal }));
    await expect.poll(reached, { interval: 5 }).toBe(1);
    stop.abort();
    expect(await failure).toMatchObject({ code: "provider.unavailable" });
    expect(server.seen.messages).toEqual([]);
  });

  it("a server that stops reading is given up, and finds nothing more when it reads on", async () => {
    const readsOn = Promise.withResolvers<void>();
    await start({ body: () => readsOn.promise, extensions: ["AUTH PLAIN"] });
    const failure = failureOf(send({ raw: large, limits: { ...limits, bodyMsMax: 200 } }));
    expect(await failure).toMatchObject({ code: "send.outcome-unknown" });
    readsOn.resolve();
    await expect.poll(() => server.openConnectionsCount(), { interval: 5 }).toBe(0);
    expect(server.seen.messages).toEqual([]);
  });

  it("a reply that trickles in and never ends is given up at its deadline", async () => {
    await start({ reply: () => pause(20, "250-still at it") });
    const short = { ...limits, replyMsMax: 200 };
    expect(await failureOf(send({ limits: short }))).toMatchObject({ code: "send.outcome-unknown" });
  });

  it("an abort while the body leaves cuts it off where it is, and the outcome is unknown", async () => {
    const bodyBegan = Promise.withResolvers<void>();
    const readsOn = Promise.withResolvers<void>();
    const body = () => {
      bodyBegan.resolve();
      return readsOn.promise;
    };
    await start({ body, extensions: ["AUTH PLAIN"] });
    const stop = new AbortController();
    const failure = failureOf(send({ raw: large, signal: stop.signal }));
    await bodyBegan.promise;
    stop.abort();
    expect(await failure).toMatchObject({ code: "send.outcome-unknown" });
    readsOn.resolve();
    await expect.poll(() => server.openConnectionsCount(), { interval: 5 }).toBe(0);
    expect(server.seen.messages).toEqual([]);
  });

  it("the receipt does not wait for the server's goodbye, and the connection ends all the same", async () => {
    await start({ quit: silence });
    await send({ limits: { ...limits, quitMsMax: 50 } });
    await expect.poll(() => server.openConnectionsCount(), { interval: 5 }).toBe(0);
    expect(server.seen.commands.at(-1)).toBe("QUIT");
  });
});

import { type NetworkGuard, Secret } from "@mailfleet/domain";
import { type ScriptedSmtp, type SmtpScript, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSmtpMailTransport, type SmtpMailTransport } from "./create-smtp-mail-transport.ts";
import type { PoolLimits } from "./session-pool.ts";

let server: ScriptedSmtp;
let transport: SmtpMailTransport;
let connectionsCount = 0;
let nowMs = Date.now();

/** Every connection is vetted, so the guard counts them. */
const guard: NetworkGuard = {
  vet: async () => {
    connectionsCount += 1;
    return { address: "127.0.0.1", family: 4 };
  },
};

async function open(pool: Partial<PoolLimits> = {}, script: SmtpScript = {}): Promise<void> {
  connectionsCount = 0;
  nowMs = Date.now();
  server = await startScriptedSmtp({ security: "tls", script });
  transport = createSmtpMailTransport({ guard, tls: { caPem: server.caPem }, pool, now: () => new Date(nowMs) });
}
afterEach(async () => {
  await transport.close();
  await server.close();
});

type Sending = {
  readonly to?: string;
  readonly user?: string;
  readonly password?: string;
  readonly begin?: () => Promise<void>;
};

function send({
  to = "anna@example.com",
  user = "user@example.com",
  password = "right",
  begin = async () => {},
}: Sending = {}) {
  const { host, port, security } = server;
  const login = { kind: "password", user, password: Secret.of(password) } as const;
  const raw = new Uint8Array(Buffer.from("Subject: x\r\n\r\nx\r\n"));
  const message = { envelope: { from: "user@example.com", to: [to] }, raw };
  const signal = AbortSignal.timeout(20_000);
  return transport.send({ server: { host, port, security }, login }, message, { signal, beforeTransmit: begin });
}

describe("pooled connections", () => {
  it("carry one message after another", async () => {
    await open();
    for (let count = 0; count < 10; count++) await send();
    expect(connectionsCount).toBe(1);
    expect(server.seen.messages).toHaveLength(10);
  });

  it("are never more than a mailbox may have, and each message gets its turn", async () => {
    await open({ connectionsPerLoginMax: 3, waitMsMax: 10_000 });
    await Promise.all(Array.from({ length: 40 }, () => send()));
    expect(server.seen.messages).toHaveLength(40);
    expect(connectionsCount).toBe(3);
  });

  it("make a message wait only so long, and say that the mailbox is busy", async () => {
    const hang = Promise.withResolvers<string>();
    await open({ connectionsPerLoginMax: 1, waitMsMax: 50 }, { reply: () => hang.promise });
    const hung = send();
    await expect.poll(() => connectionsCount).toBe(1);
    await expect(send()).rejects.toMatchObject({ code: "mailbox.busy" });
    hang.resolve("250 2.0.0 ok");
    await hung;
  });

  it("are not shared between logins, not even of the same user", async () => {
    await open();
    await send({ password: "right" });
    await expect(send({ password: "wrong" })).rejects.toMatchObject({ code: "login.refused" });
    expect(connectionsCount).toBe(2);
  });

  it("end with their age and after so many messages", async () => {
    await open({ ageMsMax: 60_000, messagesMax: 2 });
    for (let count = 0; count < 3; count++) await send();
    expect(connectionsCount).toBe(2);
    nowMs += 60_000;
    await send();
    expect(connectionsCount).toBe(3);
  });

  it("that the server ends between two messages cost one connection more, and begin the message once", async () => {
    let sendersCount = 0;
    const sender = async () => {
      sendersCount += 1;
      return sendersCount === 2 ? "421 4.4.2 idle for too long" : "250 2.1.0 ok";
    };
    await open({}, { sender });
    await send();
    let beginsCount = 0;
    const begin = async () => {
      beginsCount += 1;
    };
    expect(await send({ begin })).toMatchObject({ accepted: ["anna@example.com"] });
    expect({ beginsCount, connectionsCount, delivered: server.seen.messages.length }).toEqual({
      ...{ beginsCount: 1, connectionsCount: 2, delivered: 2 },
    });
  });

  it("that a server ends at once are no reason to ask it a third time", async () => {
    await open({}, { sender: async () => "421 4.3.2 not now" });
    await expect(send()).rejects.toMatchObject({ code: "provider.throttled" });
    expect(connectionsCount).toBe(1);
  });

  it("that were refused by every recipient, or that failed, are not used again", async () => {
    await open({}, { recipients: { "reject@example.com": "550 5.1.1 no such user" } });
    expect(await send({ to: "reject@example.com" })).toMatchObject({ accepted: [] });
    await expect(send({ begin: () => Promise.reject(new Error("fenced")) })).rejects.toThrow("fenced");
    await send();
    expect(connectionsCount).toBe(3);
  });
});

describe("a server with room for two connections", () => {
  let insideCount = 0;
  beforeEach(() => {
    insideCount = 0;
  });
  /** Turned away as Postfix does it: 421, before anything was said. Everybody's login is right. */
  const script: SmtpScript = {
    auth: "235 2.7.0 whoever",
    async greeting() {
      if (insideCount === 2) return "421 4.7.0 too many";
      insideCount += 1;
      return "220 scripted";
    },
    async quit() {
      insideCount -= 1;
      return "221 2.0.0 Bye";
    },
  };

  it("takes what many mailboxes send at once, and none of it is put off", async () => {
    await open({ connectionsPerLoginMax: 1, waitMsMax: 15_000 }, script);
    await Promise.all(Array.from({ length: 20 }, (_, index) => send({ user: `user-${index}@example.com` })));
    expect(server.seen.messages).toHaveLength(20);
  });

  it("takes a mailbox's message while the connections of others rest there", async () => {
    await open({ idleMsMax: 60_000, waitMsMax: 15_000 }, script);
    for (let index = 0; index < 4; index++) await send({ user: `user-${index}@example.com` });
    expect(server.seen.messages).toHaveLength(4);
  });

  it("makes a message wait only so long while both are taken", async () => {
    const hang = Promise.withResolvers<string>();
    await open({ connectionsPerLoginMax: 3, waitMsMax: 50 }, { ...script, reply: () => hang.promise });
    const hung = [send(), send()];
    await expect.poll(() => server.seen.commands.filter((line) => line === "DATA").length).toBe(2);
    await expect(send({ user: "other@example.com" })).rejects.toMatchObject({ code: "mailbox.busy" });
    hang.resolve("250 2.0.0 ok");
    await Promise.all(hung);
  });

  it("says no for now where all its connections are somebody else's", async () => {
    await open({}, { greeting: async () => "421 4.7.0 too many" });
    await expect(send()).rejects.toMatchObject({ code: "provider.throttled" });
    expect(connectionsCount).toBe(1);
  });
});

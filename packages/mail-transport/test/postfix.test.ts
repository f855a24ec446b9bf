import { type MailServer, type NetworkGuard, Secret } from "@mailfleet/domain";
import { describeMailTransport } from "@mailfleet/testkit";
import { canRunPostfix, type PostfixServer, startPostfix } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSmtpMailTransport } from "../src/index.ts";

const guard: NetworkGuard = { vet: async () => ({ address: "127.0.0.1", family: 4 }) };
const user = "user@example.com";
const password = (secret: string) => ({ kind: "password", user, password: Secret.of(secret) }) as const;

describe.skipIf(!canRunPostfix())("Postfix", () => {
  const over = (security: MailServer["security"]) => async () => {
    const server = await startPostfix({ security });
    const { host, port, caPem } = server;
    return {
      transport: createSmtpMailTransport({ guard, tls: { caPem }, now: () => new Date() }),
      via: { server: { host, port, security }, login: password("right") },
      wrongLogin: password("wrong"),
      sender: user,
      recipients: {
        good: ["anna@example.com", "bert@example.com"],
        refused: "reject@example.com",
        deferred: "defer@example.com",
      },
      delivered: server.delivered,
      close: server.close,
    } as const;
  };

  describeMailTransport("createSmtpMailTransport towards Postfix over STARTTLS", over("starttls"));
  describeMailTransport("createSmtpMailTransport towards Postfix over implicit TLS", over("tls"));

  describe("with tokens and limits of its own", () => {
    let server: PostfixServer;
    beforeAll(async () => {
      server = await startPostfix();
    });
    afterAll(() => server.close());

    const send = (token: string, options: { to?: string; sizeBytes?: number } = {}) => {
      const { host, port, security, caPem } = server;
      const transport = createSmtpMailTransport({ guard, tls: { caPem }, now: () => new Date() });
      const raw = Buffer.from(
        `Subject: x\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(options.sizeBytes ?? 0, `${"y".repeat(70)}\r\n`),
      );
      return transport.send(
        {
          server: { host, port, security },
          login: { kind: "bearer", user, token: Secret.of(token), expiresAt: new Date() },
        },
        { envelope: { from: user, to: [options.to ?? "anna@example.com"] }, raw: new Uint8Array(raw) },
        { signal: new AbortController().signal, beforeTransmit: async () => {} },
      );
    };
    const inAnHour = () => new Date(Date.now() + 3_600_000);

    it("a token that is good is enough", async () => {
      expect(await send(server.token(user, inAnHour()))).toMatchObject({ accepted: ["anna@example.com"] });
      expect(await server.delivered()).toHaveLength(1);
    });

    it.each([
      ["expired", () => server.token(user, new Date(Date.now() - 60_000))],
      ["of another mailbox", () => server.token("other@example.com", inAnHour())],
      ["made up", () => "made.up.token"],
    ])("a token that is %s is refused, and may be worth a fresh one", async (_, token) => {
      await expect(send(token())).rejects.toMatchObject({ code: "login.suspect" });
    });

    it("an address beyond ASCII arrives (RFC 6531)", async () => {
      const receipt = await send(server.token(user, inAnHour()), { to: "grüße@bücher.example" });
      expect(receipt.accepted).toEqual(["grüße@bücher.example"]);
    });

    it("a message larger than it takes is refused before it leaves", async () => {
      const sending = send(server.token(user, inAnHour()), { sizeBytes: 20_000_072 });
      await expect(sending).rejects.toMatchObject({ code: "send.refused" });
    });
  });
});

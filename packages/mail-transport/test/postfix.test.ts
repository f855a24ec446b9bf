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

  it("takes what more mailboxes send at once than it takes connections", { timeout: 60_000 }, async () => {
    const users = Array.from({ length: 30 }, (_, index) => `sender-${index}@example.com`);
    await using opened = new AsyncDisposableStack();
    const server = opened.adopt(
      await startPostfix({
        users: Object.fromEntries(users.map((name) => [name, "right"])),
        connectionsPerClientMax: 4,
      }),
      (started) => started.close(),
    );
    const { host, port, security, caPem } = server;
    const pool = { waitMsMax: 50_000 };
    const transport = opened.adopt(
      createSmtpMailTransport({ guard, tls: { caPem }, pool, now: () => new Date() }),
      (made) => made.close(),
    );
    const raw = new Uint8Array(Buffer.from("Subject: x\r\n\r\nx\r\n"));
    const sending = users.map((name) =>
      transport.send(
        { server: { host, port, security }, login: { ...password("right"), user: name } },
        { envelope: { from: name, to: ["anna@example.com"] }, raw },
        { signal: AbortSignal.timeout(50_000), beforeTransmit: async () => {} },
      ),
    );
    expect(await Promise.all(sending)).toHaveLength(users.length);
    expect(server.output()).toContain("Connection concurrency limit exceeded");
    expect(await server.delivered()).toHaveLength(users.length);
  });

  describe("and addresses beyond ASCII, in a message whose header is", () => {
    const ascii = "Subject: x\r\n\r\nx\r\n";
    const beyond = "To: <用户@example.com>\r\nSubject: x\r\n\r\nx\r\n";
    const to = ["用户@example.com", "anna@example.com", "用户@xn--bcher-kva.example"];
    const plain = ["anna@example.com", "bert@xn--bcher-kva.example"];

    const send = async (smtputf8: boolean, text: string, recipients: readonly string[], from = user) => {
      await using opened = new AsyncDisposableStack();
      const server = opened.adopt(await startPostfix({ smtputf8 }), (started) => started.close());
      const { host, port, security, caPem } = server;
      const transport = createSmtpMailTransport({ guard, tls: { caPem }, now: () => new Date() });
      const receipt = await transport.send(
        { server: { host, port, security }, login: password("right") },
        { envelope: { from, to: recipients }, raw: new Uint8Array(Buffer.from(text)) },
        { signal: AbortSignal.timeout(20_000), beforeTransmit: async () => {} },
      );
      const delivered = await server.delivered();
      expect(delivered.map(({ recipient }) => recipient).toSorted()).toEqual([...receipt.accepted].toSorted());
      for (const { raw } of delivered) expect(Buffer.from(raw).toString("utf8")).toBe(text);
      const refused = receipt.refused.map(({ address, enhancedCode, permanent }) => ({
        [address]: permanent && enhancedCode,
      }));
      return { accepted: receipt.accepted, refused: Object.assign({}, ...refused) as Record<string, unknown> };
    };

    it.each([
      ["ASCII", ascii],
      ["UTF-8", beyond],
    ])("%s: all arrive where the server offers SMTPUTF8", async (_, text) => {
      expect(await send(true, text, to)).toEqual({ accepted: to, refused: {} });
    });

    it("ASCII: they alone are refused for good where it does not", async () => {
      expect(await send(false, ascii, to)).toEqual({
        accepted: ["anna@example.com"],
        refused: { "用户@example.com": "5.6.7", "用户@xn--bcher-kva.example": "5.6.7" },
      });
    });

    it("UTF-8: everybody is refused for good where it does not", async () => {
      expect(await send(false, beyond, to.slice(0, 2))).toEqual({
        accepted: [],
        refused: { "用户@example.com": "5.6.7", "anna@example.com": "5.6.9" },
      });
    });

    it("ASCII: a sender beyond it reaches nobody where it does not, and everybody where it does", async () => {
      const from = "用户@example.com";
      expect(await send(false, ascii, plain, from)).toMatchObject({ accepted: [] });
      expect(await send(true, ascii, plain, from)).toMatchObject({ accepted: plain });
    });

    it("ASCII: a domain in A-labels needs no SMTPUTF8", async () => {
      expect(await send(false, ascii, plain)).toEqual({ accepted: plain, refused: {} });
    });
  });
});

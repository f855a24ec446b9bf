import { createHash } from "node:crypto";
import { Secret } from "@mailfleet/domain";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createImapMailSource, readPages } from "../src/index.ts";
import { loopbackGuard } from "./loopback-guard.ts";

const options = { signal: new AbortController().signal };
const ada = { address: "ada@one.test", password: "ada-secret" };
const bob = { address: "bob@two.test", password: "bob-secret" };
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("the embedded mail server", () => {
  let mail: EmbeddedMail;
  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [ada, bob] });
  });
  afterAll(() => mail.close());

  async function inbox(user: typeof ada): Promise<string[]> {
    const source = createImapMailSource({ guard: loopbackGuard, tls: { caPem: mail.caPem }, now: () => new Date() });
    const server = { host: mail.host, port: mail.imapPort, security: "tls" } as const;
    const login = { kind: "password", user: user.address, password: Secret.of(user.password) } as const;
    const connection = await source.connect({ server, login }, options);
    try {
      const request = {
        folder: "INBOX",
        cursor: null,
        startFrom: "beginning",
        knownUids: async () => new Set<number>(),
      } as const;
      const pages = await Array.fromAsync(readPages(connection, request, options));
      const messages = pages.flatMap((page) => page.messages);
      return messages.map(({ body }) => (body.kind === "bytes" ? sha256(body.raw) : "stream"));
    } finally {
      await connection.close();
    }
  }

  function submit(message: { user?: typeof ada; from: string; to: string[]; raw: Uint8Array | string }) {
    const { user = ada, from, to, raw } = message;
    const auth = { user: user.address, pass: user.password };
    const transport = createTransport({
      host: mail.host,
      port: mail.smtpPort,
      secure: true,
      auth,
      tls: { ca: mail.caPem },
    });
    return transport.sendMail({ envelope: { from, to }, raw: Buffer.from(raw) }).finally(() => transport.close());
  }

  it("gives back 250 messages of 20 KB byte for byte, attachments and UTF-8 among them", async () => {
    const raws = sampleMails({ count: 250, sizeBytes: 20_000 }).map(({ raw }) => raw);
    for (const raw of raws) mail.deliver(ada.address, raw);
    expect(await inbox(ada)).toEqual(raws.map(sha256));
  });

  it("keeps what it accepts over SMTP, byte for byte, for users and strangers, and shows users theirs", async () => {
    const raw = "Subject: gr\u00fc\u00dfe\r\n\r\n.a line with a dot\r\n..two\r\n\u65e5\u672c\u8a9e\r\n";
    await submit({ from: ada.address, to: [bob.address, "carol@three.test"], raw });
    const expected = [sha256(Buffer.from(raw))];
    expect(mail.delivered(bob.address).map(sha256)).toEqual(expected);
    expect(mail.delivered("carol@three.test").map(sha256)).toEqual(expected);
    expect(mail.delivered("nobody@three.test")).toEqual([]);
    expect(await inbox(bob)).toEqual(expected);
  });

  it("takes nothing from someone who cannot sign in", async () => {
    const stranger = { ...ada, password: "wrong" };
    const attempt = submit({ user: stranger, from: ada.address, to: [bob.address], raw: "Subject: x\r\n\r\nx\r\n" });
    await expect(attempt).rejects.toMatchObject({ code: "EAUTH" });
  });
});

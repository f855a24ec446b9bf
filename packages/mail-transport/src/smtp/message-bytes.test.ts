import { type NetworkGuard, Secret } from "@mailfleet/domain";
import { type ScriptedSmtp, startScriptedSmtp } from "@mailfleet/testkit/servers";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSmtpMailTransport } from "./create-smtp-mail-transport.ts";

const guard: NetworkGuard = { vet: async () => ({ address: "127.0.0.1", family: 4 }) };
const user = "user@example.com";
let server: ScriptedSmtp;
beforeAll(async () => {
  server = await startScriptedSmtp({ login: { user, secret: "right" } });
});
afterAll(() => server.close());

/** Any bytes but lone CR and LF; often dots, where SMTP changes what is on the wire. */
const line = fc.array(
  fc.oneof(
    fc.constant(0x2e),
    fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 10 && byte !== 13),
  ),
  { maxLength: 8 },
);
const body = fc
  .array(line, { minLength: 1, maxLength: 6 })
  .map((lines) => lines.flatMap((bytes) => [...bytes, 13, 10]));

async function arrived(raw: Uint8Array): Promise<Uint8Array | undefined> {
  const { host, port, security, caPem } = server;
  const transport = createSmtpMailTransport({ guard, tls: { caPem }, now: () => new Date() });
  const login = { kind: "password", user, password: Secret.of("right") } as const;
  const message = { envelope: { from: user, to: ["anna@example.com"] }, raw };
  await transport.send({ server: { host, port, security }, login }, message, {
    signal: new AbortController().signal,
    beforeTransmit: async () => {},
  });
  return server.seen.messages.at(-1)?.raw;
}

it("the bytes that arrive are the bytes handed in, whatever they are", async () => {
  await fc.assert(
    fc.asyncProperty(body, async (bytes) => {
      const raw = Uint8Array.from(bytes);
      expect(await arrived(raw)).toEqual(raw);
    }),
    { numRuns: 25 },
  );
});

it("a last CRLF that is missing is added, because SMTP has no other way to end a line", async () => {
  const raw = new Uint8Array(Buffer.from("Subject: x\r\n\r\nno line end"));
  expect(await arrived(raw)).toEqual(new Uint8Array(Buffer.from("Subject: x\r\n\r\nno line end\r\n")));
});

it("a message as long as the steps it is read in arrives whole", async () => {
  for (const length of [65_536, 65_537, 131_072]) {
    const raw = new Uint8Array(
      Buffer.from(
        "x"
          .repeat(70)
          .concat("\r\n")
          .repeat(2_000)
          .slice(0, length - 2)
          .replace(/\r$/, "y")
          .concat("\r\n"),
      ),
    );
    expect(raw).toHaveLength(length);
    expect(await arrived(raw)).toEqual(raw);
  }
});

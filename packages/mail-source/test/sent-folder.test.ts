import { newId, Secret, SubmissionId } from "@mailfleet/domain";
import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createImapSentFolder } from "../src/index.ts";
import { loopbackGuard } from "./loopback-guard.ts";

describe.skipIf(!hasServer("dovecot"))("sent mail on Dovecot", () => {
  let server: DovecotServer;
  beforeAll(async () => {
    server = await startDovecot();
  });
  afterAll(() => server?.close());

  const submissionId = newId(SubmissionId);
  const id = "<ours@a.example>";
  const mail = (...headers: string[]) => Buffer.from([...headers, "Subject: x", "", "body", ""].join("\r\n"));
  const ask = (user: string) => {
    const sent = createImapSentFolder({ guard: loopbackGuard, tls: { caPem: server.caPem }, now: () => new Date() });
    const login = { kind: "password", user, password: Secret.of(server.password) } as const;
    const at = { host: "127.0.0.1", port: server.imapsPort, security: "tls" } as const;
    return sent.holds(
      { server: at, login },
      { messageIds: [id], submissionId },
      { signal: AbortSignal.timeout(20_000) },
    );
  };

  it.each([
    ["its Message-ID", `Message-ID: ${id}`],
    ["the id Exchange has replaced", `X-Microsoft-Original-Message-ID: ${id}`],
    ["the id Gmail has replaced", `X-Google-Original-Message-ID: ${id}`],
    ["our own header", `X-Mailfleet-Submission: ${submissionId}`],
  ])("is found by %s, and not before it is there", async (name, header) => {
    const user = `by-${name.replaceAll(" ", "-").toLowerCase()}@sent.example`;
    await server.deliver(user, mail("Message-ID: <another@a.example>"), "Sent");
    expect(await ask(user)).toBe(false);
    await server.deliver(user, mail(header), "Sent");
    expect(await ask(user)).toBe(true);
  });

  it("is not looked for in other folders: a copy to oneself does not say that it was saved", async () => {
    await server.deliver("inbox@sent.example", mail(`Message-ID: ${id}`));
    await server.deliver("inbox@sent.example", mail("Message-ID: <another@a.example>"), "Sent");
    expect(await ask("inbox@sent.example")).toBe(false);
  });

  it("cannot be told of where there is no folder for it", async () => {
    await server.deliver("none@sent.example", mail(`Message-ID: ${id}`));
    await expect(ask("none@sent.example")).rejects.toMatchObject({ code: "folder.missing" });
  });
});

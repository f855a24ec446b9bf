import { OperationalError, Secret } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { createLog, type LogLevel } from "./create-log.ts";

function collect(level: LogLevel = "debug") {
  const text: string[] = [];
  const log = createLog("poll-worker", { level, destination: { write: (line) => void text.push(line) } });
  return { log, text, lines: () => text.map((line) => JSON.parse(line)) };
}

describe("createLog", () => {
  it("writes one JSON line an event, with time, level, component, event and fields", () => {
    const { log, text, lines } = collect();
    log.info("mailbox.polled", { mailboxId: "m1", messagesCount: 3 });
    expect(text[0]?.endsWith("\n")).toBe(true);
    expect(lines()[0]).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      component: "poll-worker",
      event: "mailbox.polled",
      mailboxId: "m1",
      messagesCount: 3,
    });
  });

  it("leaves out what is below its level", () => {
    const { log, lines } = collect("warn");
    log.debug("a.b");
    log.info("a.b");
    log.warn("a.b");
    log.error("a.b");
    expect(lines().map(({ level }) => level)).toEqual(["warn", "error"]);
  });

  it("lets no field stand in for one of the line's own", () => {
    const { log, lines } = collect();
    log.info("real.event", { event: "forged", level: "fatal", component: "gate" });
    expect(lines()[0]).toMatchObject({
      event: "real.event",
      level: "info",
      component: "poll-worker",
      event_: "forged",
    });
  });

  it.each([
    ["a field named password", { password: "canary" }],
    ["a nested token", { login: { accessToken: "canary" } }],
    ["a header", { headers: [{ authorization: "canary" }] }],
    ["a subject", { subject: "canary" }],
    ["a body", { message: { body: "canary" } }],
    ["a secret object", { key: Secret.of("canary") }],
    ["a login in a URL", { reason: "connect to postgres://user:canary@db/x failed" }],
    ["a bearer token", { reason: "sent Bearer canary.canary.canary and failed" }],
    ["a JWT", { reason: "eyJhbGciOiJFZERTQSJ9.canary.canary is expired" }],
    ["an address", { reason: "550 <canary@mail.example.com> unknown" }],
    ["an error's message", { error: new Error("login canary@example.com failed") }],
    ["an error's cause", { error: new Error("failed", { cause: new Error("://u:canary@h/") }) }],
    ["bytes", { raw: Buffer.from("canary"), data: Buffer.from("canary") }],
    ["what lies too deep", { a: { b: { c: { d: { e: { f: { g: "canary" } } } } } } }],
  ])("takes out %s", (_, fields) => {
    const { log, text } = collect();
    log.error("a.b", fields);
    expect(text.join("")).not.toContain("canary");
    expect(text).toHaveLength(1);
  });

  it("keeps ids, counts, codes and times of secret things", () => {
    const { log, lines } = collect();
    log.info("a.b", {
      credentialId: "c1",
      tokensCount: 2,
      tokenExpiresAt: "2026-01-01",
      error: new OperationalError("login.refused", "no"),
    });
    expect(lines()[0]).toMatchObject({
      credentialId: "c1",
      tokensCount: 2,
      tokenExpiresAt: "2026-01-01",
      error: { name: "OperationalError", code: "login.refused", message: "no" },
    });
    expect(lines()[0].error.stack).toBeUndefined();
  });

  it("never throws, whatever it is given", () => {
    const { log, lines } = collect();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const hostile = Object.defineProperty({}, "trap", { enumerable: true, get: () => JSON.parse("{") });
    log.info("a.circle", circle);
    log.info("a.trap", { hostile });
    log.info("a.number", { big: 1n });
    expect(lines().map(({ event }) => event)).toEqual(["a.circle", "a.trap", "a.number"]);
  });
});

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { hasServer } from "@mailfleet/testkit/servers";
import { describe, expect, it } from "vitest";
import { UsageError } from "../bench.ts";
import { readMemoryOptions } from "../memory/options.ts";
import { readLatencyOptions } from "./options.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });

describe("the options", () => {
  it("are what is measured at full size, unless something else is said", () => {
    expect(readLatencyOptions([])).toMatchObject({ mailboxesCount: 500, queue: "redis" });
    expect(readMemoryOptions([])).toMatchObject({ mailboxesMin: 500, mailboxesMax: 2_000, messagesEach: 50 });
  });

  it("are refused where they make no sense", () => {
    for (const args of [["--mailboxes", "0"], ["--queue", "kafka"], ["--nonsense"]]) {
      expect(() => readLatencyOptions(args)).toThrow(UsageError);
    }
    expect(() => readMemoryOptions(["--from", "10", "--to", "10"])).toThrow(UsageError);
  });
});

describe.skipIf(!hasServer("dovecot") || !hasServer("redis-server"))("with few mailboxes", () => {
  it("latency is measured over connections that are held, and every message is stored", () => {
    const { status, stdout, stderr } = bench("latency", "--smoke", "--json");
    expect(stderr).not.toContain("not verified");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      bench: "latency",
      verified: true,
      messages: 9,
      polledMessages: 2,
      mailboxes: 5,
    });
  });
});

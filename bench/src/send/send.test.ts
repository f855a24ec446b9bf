import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { canRunPostfix } from "@mailfleet/testkit/servers";
import { describe, expect, it } from "vitest";
import { UsageError } from "../bench.ts";
import { readSendOptions } from "./options.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

describe("the options of send", () => {
  it.each([
    [["--messages", "many"], "--messages is a number from 1"],
    [["--queue", "rabbit"], "--queue is postgres or redis"],
    [["--connections", "5", "--workers", "2"], "--connections is a multiple of three times --workers"],
  ])("%j are refused as usage", (args, complaint) => {
    expect(() => readSendOptions(args)).toThrow(new UsageError(complaint));
  });
});

describe.skipIf(!canRunPostfix())("a run of send", { timeout: 180_000 }, () => {
  it("ends with one JSON object on one line, after every message was found at Postfix once", async () => {
    const child = spawn(process.execPath, [main, "send", "--smoke", "--json"], { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    expect(code, stderr).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const result = JSON.parse(stdout) as Record<string, number>;
    expect(result).toMatchObject({ bench: "send", messages: 60, connections: 3, verified: true });
    const rates = [
      "ratio",
      "p99Ms",
      "messagesPerSecond",
      "manyMailboxesMessagesPerSecond",
      "oneMailboxMessagesPerSecond",
      "referenceColdMessagesPerSecond",
      "manyMailboxesRatio",
      "manyMailboxesCpuMsPerMessage",
    ];
    for (const field of rates) expect(result[field], field).toBeGreaterThan(0);
  });
});

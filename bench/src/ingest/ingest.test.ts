import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hasServer } from "@mailfleet/testkit/servers";
import { describe, expect, it } from "vitest";
import { UsageError } from "../bench.ts";
import { readIngestOptions } from "./options.ts";

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

function bench(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...written }));
  });
}

describe("the command", () => {
  it("says which benches there are, when none is named", async () => {
    const { code, stdout } = await bench("--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      benches: expect.arrayContaining([expect.objectContaining({ name: "ingest" })]),
    });
  });

  it("refuses a name and an option it does not know, and measures nothing", async () => {
    for (const [args, complaint] of [
      [["nonsense"], /there is no "nonsense"/],
      [["ingest", "--nonsense"], /--nonsense/],
    ] as const) {
      const { code, stdout, stderr } = await bench(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(complaint);
    }
  });
});

describe("the options", () => {
  it.each([
    [["--messages", "many"], "--messages is a number from 1"],
    [["--rounds", "0"], "--rounds is a number from 1"],
    [["--queue", "rabbit"], "--queue is postgres or redis"],
    [["--break", "nothing"], "--break is blob or row"],
  ])("%j are refused as usage", (args, complaint) => {
    expect(() => readIngestOptions(args)).toThrow(new UsageError(complaint));
  });
});

const canMeasure = existsSync("/proc/self/stat") && hasServer("dovecot");

describe.skipIf(!canMeasure)("a run of ingest", { timeout: 180_000 }, () => {
  it("ends with one JSON object on one line: the ratio, CPU time by part, and on what terms", async () => {
    const { code, stdout, stderr } = await bench("ingest", "--smoke", "--json");
    expect(code, stderr).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const result = JSON.parse(stdout) as Record<string, number> & { cpuMsPerMessageBy: Record<string, number> };
    expect(result).toMatchObject({
      bench: "ingest",
      messages: 200,
      fsync: "on",
      synchronousCommit: "on",
      fullPageWrites: "on",
      queue: "postgres",
      verified: true,
    });
    // A raw message, a body and now and then an attachment each.
    expect(result["blobs"]).toBeGreaterThan(400);
    for (const field of ["ratio", "messagesPerSecond", "referenceMessagesPerSecond", "cpuMsPerMessage"]) {
      expect(result[field], field).toBeGreaterThan(0);
    }
    const { ratio = 0, messagesPerSecond = 0, referenceMessagesPerSecond = 0, cpuMsPerMessage = 0 } = result;
    expect(Math.abs(ratio - messagesPerSecond / referenceMessagesPerSecond)).toBeLessThan(0.02);
    const parts = Object.values(result.cpuMsPerMessageBy);
    expect(parts.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(cpuMsPerMessage, 2);
  });

  it("is no result when a single stored byte is not what was delivered", async () => {
    const { code, stdout, stderr } = await bench("ingest", "--smoke", "--json", "--break", "blob");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("a stored message is none of those that are missing");
  });
});

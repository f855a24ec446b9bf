import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

describe("runProcess", () => {
  const children: Child[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  const start = (name: string, ...args: string[]) => {
    const script = `${import.meta.dirname}/${name}-process.ts`;
    const child: Child = spawn(process.execPath, [script, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    children.push(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const ended = once(child, "close").then(([code, signal]) => ({
      code,
      signal,
      lines: stdout.trim().split("\n"),
      stderr,
    }));
    const said = (line: string) => expect.poll(() => stdout.split("\n"), { timeout: 10_000 }).toContain(line);
    return { child, ended, said };
  };

  it.each(["SIGTERM", "SIGINT"] as const)(
    "drains on %s: in reverse, one after the other, and ends with 0",
    async (signal) => {
      const { child, ended, said } = start("draining");
      await said("ready");
      child.kill(signal);
      await said("closing worker");
      child.stdin.write("go on\n");
      const { code, lines, stderr } = await ended;
      const order = ["ready", "stopping", "closed loop", "closing worker", "closed worker", "closed database", "ended"];
      expect({ code, lines, stderr }).toEqual({ code: 0, lines: order, stderr: "" });
    },
  );

  it.each([
    ["SIGTERM", "SIGTERM", 143],
    ["SIGTERM", "SIGINT", 130],
  ] as const)("%s, then %s: the second one ends it at once, with %i", async (first, second, code) => {
    const { child, ended, said } = start("draining");
    await said("ready");
    child.kill(first);
    await said("closing worker");
    child.kill(second);
    expect(await ended).toMatchObject({ code, signal: null });
  });

  it("ends hard and loudly when draining takes too long", async () => {
    const { child, ended, said } = start("draining", "100");
    await said("ready");
    child.kill("SIGTERM");
    const { code, stderr, lines } = await ended;
    expect(code).toBe(1);
    expect(stderr).toContain("still busy 100 ms after it was told to stop");
    expect(lines).not.toContain("closed worker");
  });

  it("prints nothing but the report of a wrong configuration, and ends with 2", async () => {
    const { code, lines, stderr } = await start("failing", "configuration").ended;
    const report = ["The configuration is wrong:", "  PORT: expected number", "  NAME: is not set; expected text", ""];
    expect({ code, stderr }).toEqual({ code: 2, stderr: report.join("\n") });
    expect(lines).toEqual(["closed database, stopping is true"]);
  });

  it("closes what was built when the rest cannot be, says why, and ends with 1", async () => {
    const { code, lines, stderr } = await start("failing", "build").ended;
    expect(code).toBe(1);
    expect(lines).toEqual(["closed database, stopping is true"]);
    expect(stderr).toContain("the worker did not start");
  });

  it("closes the rest when one thing fails to close, and ends with 1", async () => {
    const { code, lines, stderr } = await start("failing", "close").ended;
    expect(code).toBe(1);
    expect(lines).toEqual(["closed database, stopping is true"]);
    expect(stderr).toContain("the worker did not close");
  });
});

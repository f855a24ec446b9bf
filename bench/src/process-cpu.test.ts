import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cpuMsOfTrees, elapsed } from "./process-cpu.ts";

/** Lets a child burn CPU, then waits to be ended. */
const grandparent = `
  const { execFileSync } = require("node:child_process");
  const burn = "const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end);";
  execFileSync(process.execPath, ["-e", burn]);
  console.log("burnt");
  setInterval(() => {}, 1_000);`;

describe.skipIf(!existsSync("/proc/self/stat"))("CPU time of a process tree", () => {
  it("counts children that have ended, and nobody else's", async () => {
    const child = spawn(process.execPath, ["-e", grandparent], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const roots = { burner: [child.pid ?? 0], nobody: [] };
      const before = cpuMsOfTrees(roots);
      await once(child.stdout, "data");
      const { burner, nobody } = elapsed(before, cpuMsOfTrees(roots));
      expect(burner).toBeGreaterThanOrEqual(300);
      expect(nobody).toBe(0);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("counts children that still run", async () => {
    const code = `require("node:child_process").spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });`;
    const child = spawn(process.execPath, ["-e", `${code} console.log(process.pid); setInterval(() => {}, 1_000);`], {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    try {
      await once(child.stdout, "data");
      const roots = { tree: [child.pid ?? 0] };
      const before = cpuMsOfTrees(roots);
      let used = 0;
      while (used < 200) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        used = elapsed(before, cpuMsOfTrees(roots)).tree;
      }
      expect(used).toBeGreaterThanOrEqual(200); // within the test's time, or it fails
    } finally {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }
  });
});

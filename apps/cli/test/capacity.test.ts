import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { runCommandLine } from "../src/command-line.ts";
import { commands } from "../src/commands.ts";

/** On no fleet at all. */
async function run(commandLine: string) {
  const [out, errors] = [new PassThrough(), new PassThrough()];
  const code = await runCommandLine(commandLine.split(" "), { streams: { out, errors }, variables: {}, commands });
  return { code, stdout: String(out.read() ?? "") };
}

it("capacity needs no fleet, no token and no database, and prints what each part must bear", async () => {
  const { code, stdout } = await run("capacity --mailboxes 100000 --messages-per-day 2000000 --json");
  expect(code).toBe(0);
  const printed = JSON.parse(stdout);
  expect(printed.pollsPerSecond).toBeCloseTo(100_000 / 131);
  for (const part of ["pollWorkers", "schedulers", "postgres", "redis", "kms"]) expect(printed).toHaveProperty(part);
  expect(printed.measured.pollCpuMs.bench).toBe("schedule");
});

it("capacity without a size is exit 2", async () => {
  expect(await run("capacity --mailboxes 10")).toMatchObject({ code: 2 });
});

import { OperationalError, type Remedy, remedyByCode } from "@mailfleet/domain";
import { ConfigurationError } from "@mailfleet/runtime";
import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { describeFailure } from "./describe-failure.ts";
import { endingByCode } from "./exit-codes.ts";
import { FileFaults, UsageError } from "./faults.ts";

const exitCodeOf = (error: unknown) => describeFailure(error)?.exitCode;

describe("the exit code", () => {
  it.each([
    ["gate.denied", 3],
    ["resource.missing", 4],
    ["resource.conflicting", 5],
    ["idempotency.conflicting", 5],
    ["contract.violated", 2],
    ["schema.outdated", 2],
    ["provider.unavailable", 75],
    ["gate.unavailable", 75],
    ["login.refused", 1],
    ["host.refused", 1],
  ] as const)("of %s is %i", (code, exitCode) => {
    expect(exitCodeOf(new OperationalError(code, "what happened"))).toBe(exitCode);
  });

  it("is 75 only where trying again can help", () => {
    const helps: readonly Remedy[] = ["retry", "wait"];
    for (const [code, { exitCode }] of Object.entries(endingByCode)) {
      const { [code as keyof typeof remedyByCode]: remedy } = remedyByCode;
      expect(exitCode === 75, code).toBe(helps.includes(remedy));
    }
  });

  it("is 2 for a wrong call, a wrong environment and a wrong file, and 0 for help", () => {
    expect(exitCodeOf(new UsageError("what", "hint"))).toBe(2);
    expect(exitCodeOf(new ConfigurationError(["A: is not set"]))).toBe(2);
    expect(exitCodeOf(new FileFaults("file.faulty", "f.yaml", []))).toBe(2);
    expect(exitCodeOf(new CommanderError(1, "commander.unknownCommand", "error: unknown command 'x'"))).toBe(2);
    expect(describeFailure(new CommanderError(0, "commander.helpDisplayed", "(outputHelp)"))).toBeNull();
  });

  it("is 75 for a database that does not answer and 2 for one that does not let us in, however deep the error is wrapped", () => {
    const wrapped = (code: string) => new Error("Failed query", { cause: Object.assign(new Error("inner"), { code }) });
    expect(exitCodeOf(wrapped("ECONNREFUSED"))).toBe(75);
    expect(exitCodeOf(wrapped("57P03"))).toBe(75);
    expect(exitCodeOf(wrapped("28P01"))).toBe(2);
    expect(exitCodeOf(wrapped("3D000"))).toBe(2);
    expect(exitCodeOf(wrapped("23505"))).toBe(5);
  });
});

describe("a failure", () => {
  it("of a deadline of ours is no bug: it is worth another try", async () => {
    const signal = AbortSignal.timeout(0);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    expect(describeFailure(signal.reason)).toMatchObject({ exitCode: 75, stack: null });
  });

  it("says what to do for every code there is", () => {
    for (const [code, { hint }] of Object.entries(endingByCode)) expect(hint, code).toMatch(/^[A-Z].*\.$|why\.$/);
  });

  it("tells every fault of the configuration", () => {
    const failure = describeFailure(new ConfigurationError(["A: is not set", "B: expected URL"]));
    expect(failure?.faults).toEqual([{ message: "A: is not set" }, { message: "B: expected URL" }]);
  });

  it("hands on what the parser suggests for a misspelt name", () => {
    const error = new CommanderError(
      1,
      "commander.unknownOption",
      "error: unknown option '--jsn'\n(Did you mean --json?)",
    );
    expect(describeFailure(error)).toMatchObject({ message: "unknown option '--jsn'", hint: /^Did you mean --json\?/ });
  });

  it("that is a bug shows the innermost stack and never a statement with its values", () => {
    const failure = describeFailure(new Error("Failed query: … params: hunter2", { cause: new TypeError("broken") }));
    expect(failure).toMatchObject({ code: "unexpected", exitCode: 1, message: "unexpected: broken" });
    expect(failure?.stack).toContain("TypeError: broken");
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });
});

import { describe, expect, it } from "vitest";
import { actionFor, labelsOf } from "./apply-policy.ts";

type Action = "deliver" | "flag" | "quarantine";
const inbound = { order: ["deliver", "flag", "quarantine"], otherwise: (): Action => "flag" } as const;
const decide = (labels: readonly string[], rules: Record<string, Action>) => actionFor<Action>(labels, rules, inbound);

describe("what a tenant's policy makes of labels", () => {
  it.each([
    ["nothing found is delivered, whatever the rules", [], { "*": "quarantine" }, { action: "deliver", label: null }],
    ["a label has its own rule", ["scam"], { scam: "quarantine" }, { action: "quarantine", label: "scam" }],
    ["a label without one follows the star", ["scam"], { "*": "deliver" }, { action: "deliver", label: null }],
    ["and without that one the default", ["scam"], {}, { action: "flag", label: "scam" }],
    [
      "the hardest wins, wherever it stands",
      ["a", "b", "c"],
      { b: "quarantine" },
      { action: "quarantine", label: "b" },
    ],
    [
      "a label named like a property of every object has no rule",
      ["constructor"],
      {},
      { action: "flag", label: "constructor" },
    ],
  ] as const)("%s", (_name, labels, rules, expected) => {
    expect(decide(labels, rules)).toEqual(expected);
  });

  it("silence is a label, and names nothing that a silent classifier may have said", () => {
    const silent = { classifier: "http", version: "", labels: ["scam"], answered: false };
    const rules = { classifier: "rules", version: "1", labels: ["x", "x"], answered: true };
    expect(labelsOf([rules, silent])).toEqual(["x", "classifier-silent"]);
  });
});

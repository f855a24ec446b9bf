import { expect, it } from "vitest";
import { memoiseRecent } from "./memoise-recent.ts";

function counting(keptMax: number) {
  const computed: string[] = [];
  const compute = (input: string) => {
    computed.push(input);
    return input.toUpperCase();
  };
  return { computed, ask: memoiseRecent({ keyOf: (input: string) => input, compute, keptMax }) };
}

it("the same question is computed once", () => {
  const { ask, computed } = counting(2);
  expect([ask("a"), ask("a"), ask("b"), ask("a")]).toEqual(["A", "A", "B", "A"]);
  expect(computed).toEqual(["a", "b"]);
});

it("the questions asked last are remembered, and never more than may be kept", () => {
  const { ask, computed } = counting(4);
  for (const input of ["a", "b", "c", "d"]) ask(input);
  computed.length = 0;
  expect([ask("c"), ask("d")]).toEqual(["C", "D"]);
  expect(computed).toEqual([]);
  for (const input of ["e", "f", "g"]) ask(input);
  computed.length = 0;
  const asked = ["a", "b", "c", "d", "e", "f", "g"];
  for (const input of asked.toReversed()) ask(input);
  expect(asked.length - computed.length).toBeGreaterThanOrEqual(2);
  expect(asked.length - computed.length).toBeLessThanOrEqual(4);
});

it("a question asked again and again stays remembered while others come and go", () => {
  const { ask, computed } = counting(4);
  for (let other = 0; other < 100; other += 1) {
    ask("often");
    ask(String(other));
  }
  expect(computed.filter((input) => input === "often")).toEqual(["often"]);
});

it("an error is computed again each time", () => {
  let calls = 0;
  const fail = () => {
    calls += 1;
    throw new Error("no");
  };
  const ask = memoiseRecent({ keyOf: String, compute: fail, keptMax: 2 });
  expect(() => ask("a")).toThrow("no");
  expect(() => ask("a")).toThrow("no");
  expect(calls).toBe(2);
});

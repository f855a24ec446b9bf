import { describe, expect, it } from "vitest";
import { parseCount, parseLifetimeMs, parseNamedAddress, parseNames } from "./parse-options.ts";

describe("options", () => {
  it.each([
    ["12h", 43_200_000],
    ["90d", 7_776_000_000],
    ["4w", 2_419_200_000],
  ])("reads %s as a lifetime", (text, ms) => {
    expect(parseLifetimeMs(text)).toBe(ms);
  });

  it.each(["0d", "90", "d", "-1d", "1.5d", "4000d", "90D", ""])("refuses %j as a lifetime", (text) => {
    expect(() => parseLifetimeMs(text)).toThrow("12h, 90d or 4w");
  });

  it.each(["0", "-1", "1e3", "x", ""])("refuses %j as a count", (text) => {
    expect(() => parseCount(text)).toThrow("whole number");
  });

  it.each([
    ["ada@example.com", { name: null, address: "ada@example.com" }],
    ["<ada@example.com>", { name: null, address: "ada@example.com" }],
    ["Ada Lovelace <ada@example.com>", { name: "Ada Lovelace", address: "ada@example.com" }],
    ['"Lovelace, Ada" <ada@example.com>', { name: "Lovelace, Ada", address: "ada@example.com" }],
  ])("reads %s as an address", (text, address) => {
    expect(parseNamedAddress(text)).toEqual(address);
  });

  it("reads names once each, and none that is empty", () => {
    expect(parseNames("a, b,a")).toEqual(["a", "b"]);
    expect(() => parseNames("a,,b")).toThrow("commas");
  });
});

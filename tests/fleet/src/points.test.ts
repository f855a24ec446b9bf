import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repositoryFolder } from "@mailfleet/testkit/fleet";
import { describe, expect, it } from "vitest";
import { pollPoints } from "./poll-points.ts";
import { sendPoints } from "./send-points.ts";

/** First to fail where the product's source has moved on, and the only one that says so in a line. */
describe("every point lies at a line that stands exactly once in the product's source", () => {
  it.each([...pollPoints, ...sendPoints])("$name", async ({ point }) => {
    const source = await readFile(join(repositoryFolder, point.file), "utf8");
    expect(source.split(point.before).length - 1, `${point.file}: ${point.before}`).toBe(1);
  });

  it("and no two points of one kind are the same", () => {
    for (const points of [pollPoints, sendPoints]) {
      const places = points.map(({ point: { file, before, hit, soon = false } }) => `${file} ${before} ${hit} ${soon}`);
      expect(new Set(places).size).toBe(points.length);
    }
  });
});

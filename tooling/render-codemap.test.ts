import { describe, expect, it } from "vitest";
import { placeCodemap, renderCodemap } from "./render-codemap.ts";

const member = (folder: string, tag: string, description: string) => ({
  folder,
  tags: [tag],
  manifest: { name: folder, description },
});

describe("the codemap", () => {
  it("lists the layers from the processes down, whatever the order of the folders", () => {
    const table = renderCodemap([
      member("apps/cli", "app", "Hands."),
      member("bench", "tool", "Numbers."),
      member("packages/domain", "domain", "Nouns | ports."),
      member("packages/queue", "adapter", "Hands over."),
    ]);
    expect(table.split("\n").slice(2)).toEqual([
      "| `apps/cli` | app | Hands. |",
      "| `packages/queue` | adapter | Hands over. |",
      "| `packages/domain` | domain | Nouns \\| ports. |",
      "| `bench` | tool | Numbers. |",
    ]);
  });

  it("replaces what is between the markers and nothing else, and is stable", () => {
    const document = "before\n<!-- codemap:begin -->\nold\n<!-- codemap:end -->\nafter\n";
    const placed = placeCodemap(document, "new");
    expect(placed).toBe("before\n<!-- codemap:begin -->\nnew\n<!-- codemap:end -->\nafter\n");
    expect(placeCodemap(placed, "new")).toBe(placed);
  });

  it("refuses a document without its markers instead of appending somewhere", () => {
    expect(() => placeCodemap("no markers", "new")).toThrow("codemap:begin");
    expect(() => placeCodemap("<!-- codemap:end --> <!-- codemap:begin -->", "new")).toThrow("codemap:begin");
  });
});

import { type Document, isCollection, isMap, isNode, isScalar, type LineCounter } from "yaml";
import type { Fault } from "../faults.ts";

export type Path = readonly (string | number)[];

/** Turns a path into the line and column a person finds it at: of the value, or of the nearest thing around it. */
export function createLocator(document: Document, lines: LineCounter): (path: Path, message: string) => Fault {
  return (path, message) => {
    const { line, col } = lines.linePos(offsetOf(document, path));
    return { path: formatPath(path), line, column: col, message };
  };
}

/** `tenants[0].mailboxes[1].key` */
function formatPath(path: Path): string {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  return text.replace(/^\./, "") || "(file)";
}

function offsetOf(document: Document, path: Path): number {
  const key = keyOffset(document, path);
  if (key !== null) return key;
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

/** The name stands before its value, which may begin lines below it: the name is what is looked for. */
function keyOffset(document: Document, path: Path): number | null {
  const name = path.at(-1);
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  if (typeof name !== "string" || !isCollection(parent) || !isMap(parent)) return null;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === name);
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? null) : null;
}

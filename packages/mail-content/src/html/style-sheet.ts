import { readStyle, type Style, withoutComments } from "./read-style.ts";

/** What the style sheets of one mail say of an element: by its name, its classes and its id, from weak to strong. */
export type StyleSheet = { stylesFor(name: string, classes: string, id: string): readonly Style[] };

const rulesMax = 2_000;
const selectorsMax = 4_000;
const classesMax = 20;

type Rule = { readonly name: string | null; readonly style: Style };

/**
 * Reads the rules that stand for themselves, with selectors of a name, a class or an id. Rules that hold only on some
 * screens (`@media` with a condition) or in some surroundings are left out: a mail shown in full is what counts.
 */
export function readStyleSheet(css: string): StyleSheet {
  const rules = new Map<string, Rule[]>();
  let selectors = 0;
  for (const { prelude, body } of readRules(css)) {
    const style = readStyle(body);
    if (Object.keys(style).length === 0) continue;
    for (const selector of prelude.split(",")) {
      const [, name, key] = /^\s*([a-z][a-z0-9]*|\*)?([.#][\w-]+)?\s*$/i.exec(selector) ?? [];
      const at = key ?? name?.toLowerCase();
      if (at === undefined || at === "*" || selectors >= selectorsMax) continue;
      selectors += 1;
      const rule = { name: key === undefined ? null : (name?.toLowerCase() ?? null), style };
      const list = rules.get(at);
      if (list === undefined) rules.set(at, [rule]);
      else if (list.length < classesMax) list.push(rule);
    }
  }
  return {
    stylesFor(name, classes, id) {
      if (rules.size === 0) return [];
      const keys = [name, ...classes.split(/\s+/, classesMax).map((one) => `.${one}`), `#${id}`];
      const found = keys.flatMap((key) => rules.get(key) ?? []);
      return found.filter((rule) => rule.name === null || rule.name === name).map(({ style }) => style);
    },
  };
}

function* readRules(css: string): Iterable<{ prelude: string; body: string }> {
  const plain = withoutComments(css).replace(/<!--|-->/g, "");
  let start = 0;
  for (let count = 0; count < rulesMax; count += 1) {
    const open = plain.indexOf("{", start);
    if (open === -1) return;
    const prelude = plain.slice(start, open).replace(/^[\s}]*(@(import|charset)[^;]*;)?/, "");
    if (/^@media\s+(only\s+)?(screen|all)\s*$/i.test(prelude)) {
      start = open + 1;
      continue;
    }
    const close = prelude.startsWith("@") ? endOfBlock(plain, open) : plain.indexOf("}", open);
    if (close === -1) return;
    if (!prelude.startsWith("@")) yield { prelude, body: plain.slice(open + 1, close) };
    start = close + 1;
  }
}

function endOfBlock(css: string, open: number): number {
  const brace = /[{}]/g;
  brace.lastIndex = open;
  let depth = 0;
  for (let found = brace.exec(css); found !== null; found = brace.exec(css)) {
    depth += found[0] === "{" ? 1 : -1;
    if (depth === 0) return found.index;
  }
  return -1;
}

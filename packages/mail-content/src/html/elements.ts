/** Lines of their own (HTML Standard §15.3); of them the second list with an empty line around. */
const blocks = new Set(
  "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html li legend main menu nav ol optgroup option p pre search section summary table tbody tfoot thead tr ul".split(
    " ",
  ),
);
const apart = new Set("blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul".split(" "));

/** Never shown, whatever a style says. */
export const neverShown = new Set("datalist iframe noembed noframes script style template title".split(" "));

/** Have no end tag (HTML Standard §13.1.2). */
export const voidElements = new Set(
  "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split(" "),
);

/** An end tag inside does not reach out of these (HTML Standard §13.2.4.2). */
export const scopeBounds = new Set("applet caption html marquee object table td template th".split(" "));

/** An end tag of an ordinary element does not reach through these (the Standard's "special" elements). */
export const special = new Set([...blocks, ...scopeBounds, ..."button col colgroup head".split(" ")]);

/** Are closed through others (HTML Standard §13.2.6.4.7, the adoption agency). */
export const formatting = new Set("a b big code em font i nobr s small strike strong tt u".split(" "));

const table = ["table"];
const list = ["ul", "ol", "menu", "dir", "table", "td", "th"];
/** What a start tag closes, and what such an end does not reach out of (HTML Standard §13.1.2.4). */
export const impliedEnds: ReadonlyMap<string, { closes: readonly string[]; within: readonly string[] }> = new Map([
  ["li", { closes: ["li"], within: list }],
  ["dt", { closes: ["dt", "dd"], within: ["dl", ...table] }],
  ["dd", { closes: ["dt", "dd"], within: ["dl", ...table] }],
  ["td", { closes: ["td", "th"], within: table }],
  ["th", { closes: ["td", "th"], within: table }],
  ["tr", { closes: ["td", "th", "tr"], within: table }],
  ["option", { closes: ["option"], within: ["select"] }],
  ["a", { closes: ["a"], within: ["td", "th", ...table] }],
]);

/** Line breaks around an element: none, a line of its own, an empty line around. */
export function breaksAround(name: string): 0 | 1 | 2 {
  if (!blocks.has(name)) return 0;
  return apart.has(name) ? 2 : 1;
}

/** A paragraph ends where a block begins (HTML Standard §13.1.2.4). */
export function endsParagraph(name: string): boolean {
  return blocks.has(name) && name !== "body" && name !== "html" && name !== "option" && name !== "tr";
}

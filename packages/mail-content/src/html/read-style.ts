/** Red, green and blue, 0 to 255; null where the colour is not known, such as behind a picture. */
export type Colour = readonly [red: number, green: number, blue: number] | "transparent" | null;

/** What a declaration block says about being seen. What it does not mention is left out. */
export type Style = {
  readonly notDisplayed?: boolean;
  readonly invisible?: boolean;
  readonly opacity?: number;
  readonly fontSize?: "zero" | "shown";
  readonly colour?: Colour;
  readonly background?: Colour;
  readonly overflowHidden?: boolean;
  /** A height or width of nothing, which hides together with `overflowHidden`. */
  readonly empty?: boolean;
  readonly offScreen?: boolean;
};

const cssLengthMax = 4_000;
const backgroundLengthMax = 300;

/** Reads CSS declarations (CSS Syntax 3 §5.4.4), as far as they decide whether text can be seen. Of two the last holds. */
export function readStyle(css: string): Style {
  const style: Style = {};
  for (const declaration of plainCss(css.slice(0, cssLengthMax)).split(";")) {
    const colon = declaration.indexOf(":");
    if (colon === -1) continue;
    const value = declaration
      .slice(colon + 1)
      .replace(/!\s*important/, "")
      .trim();
    Object.assign(style, readers.get(declaration.slice(0, colon).trim())?.(value));
  }
  return style;
}

/** Lower case, without comments, and with escapes undone: `d\69splay` is `display` (CSS Syntax 3 §4.3.7). */
function plainCss(css: string): string {
  const lower = css.toLowerCase();
  const uncommented = withoutComments(lower);
  if (!uncommented.includes("\\")) return uncommented;
  const character = (_: string, digits: string | undefined, other: string | undefined) =>
    digits === undefined ? (other ?? "") : String.fromCodePoint(Math.min(Number.parseInt(digits, 16), 0x10_ffff));
  return uncommented.replace(/\\(?:([0-9a-f]{1,6})\s?|([^\n]))/g, character).toLowerCase();
}

/** CSS Syntax 3 §4.3.2; one that does not end goes on to the end. */
export function withoutComments(css: string): string {
  let kept = "";
  let at = 0;
  for (let open = css.indexOf("/*"); open !== -1; open = css.indexOf("/*", at)) {
    kept += css.slice(at, open);
    const close = css.indexOf("*/", open + 2);
    if (close === -1) return kept;
    at = close + 2;
  }
  return at === 0 ? css : kept + css.slice(at);
}

type Reader = (value: string) => Style;

const emptyBox: Reader = (value) => (isNothing(value) ? { empty: true } : {});
const away: Reader = (value) => (/^-\d{3,}/.test(value) ? { offScreen: true } : {});
const goneWhere =
  (form: RegExp): Reader =>
  (value) =>
    form.test(value) ? { offScreen: true } : {};

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["display", (value) => ({ notDisplayed: value === "none" })],
  ["visibility", (value) => ({ invisible: value === "hidden" || value === "collapse" })],
  ["opacity", (value) => readOpacity(value)],
  ["font-size", (value) => readFontSize(value)],
  ["font", (value) => readFontSize(/(?:^|\s)([\d.]+(?:px|pt|em|rem|%))/.exec(value)?.[1] ?? "")],
  ["color", (value) => ({ colour: readColour(value) })],
  ["background-color", (value) => ({ background: readColour(value) })],
  ["background", (value) => ({ background: readBackground(value) })],
  ["background-image", (value) => (value === "none" ? {} : { background: null })],
  ["overflow", (value) => ({ overflowHidden: value.startsWith("hidden") || value.startsWith("clip") })],
  ["height", emptyBox],
  ["max-height", emptyBox],
  ["width", emptyBox],
  ["max-width", emptyBox],
  ["text-indent", away],
  ["left", away],
  ["top", away],
  ["margin-left", away],
  ["clip", goneWhere(/^rect\(\s*[01](px)?[\s,]+[01](px)?/)],
  ["clip-path", goneWhere(/^inset\(\s*(50|100)%|^circle\(\s*0/)],
  ["transform", goneWhere(/scale[xy]?\(\s*0(\.0+)?\s*[,)]/)],
]);

function readOpacity(value: string): Style {
  const opacity = Number.parseFloat(value) / (value.endsWith("%") ? 100 : 1);
  return Number.isFinite(opacity) ? { opacity } : {};
}

/** One pixel is no size to read; a size relative to the one around it stays nothing where that is nothing. */
function readFontSize(value: string): Style {
  const [, number, unit] = /^([\d.]+)\s*([a-z%]*)$/.exec(value) ?? [];
  if (number === undefined) return /^(xx?-)?(small|large)|^medium/.test(value) ? { fontSize: "shown" } : {};
  const relative = unit === "em" || unit === "%";
  const smallest = unit === "%" ? 5 : relative || unit === "rem" ? 0.05 : 1;
  if (Number.parseFloat(number) <= smallest) return { fontSize: "zero" };
  return relative ? {} : { fontSize: "shown" };
}

function isNothing(value: string): boolean {
  return /^[01](\.0+)?(px|pt|em|%|rem)?$/.test(value);
}

function readBackground(value: string): Colour {
  if (value.includes("url(") || value.includes("gradient(")) return null;
  for (const word of value.slice(0, backgroundLengthMax).split(/\s+(?![^(]*\))/)) {
    const colour = readColour(word);
    if (colour !== null) return colour;
  }
  return null;
}

/** CSS Color 4, as far as mail writes it. Of the names those that are nearly white, and black. */
export function readColour(value: string): Colour {
  if (value === "transparent") return "transparent";
  const named = namedColours.get(value);
  if (named !== undefined) return named;
  const hex = /^#?([0-9a-f]{3,8})$/.exec(value)?.[1];
  if (hex !== undefined) return readHex(hex);
  const [, kind = "", body = ""] = /^(rgb|hsl)a?\(([^()]*)\)/.exec(value) ?? [];
  const numbers = body.split(/[\s,/]+/).filter((part) => part !== "");
  if (numbers.length < 3) return null;
  if (numbers.length > 3 && amount(numbers[3], 1) < 0.05) return "transparent";
  if (kind === "rgb") return [amount(numbers[0], 255), amount(numbers[1], 255), amount(numbers[2], 255)];
  // Of HSL the two ends are told, which no hue changes.
  const lightness = amount(numbers[2], 1);
  if (lightness > 0.96) return [255, 255, 255];
  return lightness < 0.04 ? [0, 0, 0] : null;
}

function amount(text: string | undefined, whole: number): number {
  const number = Number.parseFloat(text ?? "");
  return text?.endsWith("%") ? (number / 100) * whole : number;
}

function readHex(hex: string): Colour {
  const short = hex.length < 6;
  const channel = (index: number) => {
    const digits = short ? (hex[index] ?? "0").repeat(2) : hex.slice(index * 2, index * 2 + 2);
    return Number.parseInt(digits, 16);
  };
  if ((hex.length === 4 || hex.length === 8) && channel(3) < 13) return "transparent";
  return hex.length === 5 || hex.length === 7 ? null : [channel(0), channel(1), channel(2)];
}

const namedColours: ReadonlyMap<string, Colour> = new Map<string, Colour>([
  ["white", [255, 255, 255]],
  ["snow", [255, 250, 250]],
  ["ivory", [255, 255, 240]],
  ["floralwhite", [255, 250, 240]],
  ["ghostwhite", [248, 248, 255]],
  ["mintcream", [245, 255, 250]],
  ["azure", [240, 255, 255]],
  ["whitesmoke", [245, 245, 245]],
  ["black", [0, 0, 0]],
]);

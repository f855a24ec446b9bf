import {
  breaksAround,
  endsParagraph,
  formatting,
  impliedEnds,
  neverShown,
  scopeBounds,
  special,
  voidElements,
} from "./elements.ts";
import { readColour, readStyle, type Style } from "./read-style.ts";
import { realAddress } from "./real-address.ts";
import type { StyleSheet } from "./style-sheet.ts";
import type { Attributes, ElementSink } from "./tag-reader.ts";
import type { TextLines } from "./text-lines.ts";
import { isHidden, shownPlainly, type Visibility, visibilityInside } from "./visibility.ts";

type OpenElement = {
  readonly name: string;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly preformatted: boolean;
  readonly quoteDepth: number;
  readonly link: { readonly href: string; readonly position: number } | null;
};

/** Browsers stop there too (Chromium at 512). What stands deeper is left out, since nothing says how it looks. */
const depthMax = 400;
const alternativeTextLengthMax = 200;

/** The elements that are open at one place of a document, and what of their text is seen. */
export class HtmlElements implements ElementSink {
  hiddenFound = false;
  readonly #lines: TextLines;
  readonly #sheet: StyleSheet;
  readonly #open: OpenElement[] = [];
  readonly #counts = new Map<string, number>();
  #tooDeep = 0;
  #current: OpenElement = {
    ...{ name: "", visibility: shownPlainly, hidden: false, preformatted: false },
    ...{ quoteDepth: 0, link: null },
  };
  readonly #root = this.#current;

  constructor(lines: TextLines, sheet: StyleSheet) {
    this.#lines = lines;
    this.#sheet = sheet;
  }

  open(name: string, attributes: Attributes): void {
    this.#endImplied(name);
    if (name === "br" && !this.#current.hidden) this.#lines.endLine();
    if (name === "img") this.#picture(attributes);
    if (voidElements.has(name)) return;
    if (this.#open.length >= depthMax) {
      this.#tooDeep += 1;
      return;
    }
    const outer = this.#current;
    const styles = this.#styles(name, attributes);
    const visibility = styles.length === 0 ? outer.visibility : visibilityInside(outer.visibility, styles);
    const hidden = visibility === outer.visibility ? outer.hidden : isHidden(visibility);
    if (!hidden) this.#lines.breakLines(breaksAround(name));
    if (!hidden && (name === "td" || name === "th")) this.#lines.space();
    const href = name === "a" ? attributes.get("href") : undefined;
    this.#current = {
      ...{ name, visibility, hidden },
      preformatted: outer.preformatted || name === "pre" || name === "textarea",
      quoteDepth: outer.quoteDepth + (name === "blockquote" ? 1 : 0),
      link: href === undefined ? null : { href, position: this.#lines.position },
    };
    this.#open.push(this.#current);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.#lines.quoteDepth = this.#current.quoteDepth;
    if (name === "li" && !hidden) this.#lines.running("- ");
  }

  close(name: string): void {
    if (this.#tooDeep > 0) {
      this.#tooDeep -= 1;
      return;
    }
    if ((this.#counts.get(name) ?? 0) === 0) return;
    const bounds = special.has(name) || formatting.has(name) ? scopeBounds : special;
    for (let at = this.#open.length - 1; at >= 0; at -= 1) {
      const element = this.#open[at]?.name ?? "";
      if (element === name) {
        this.#closeTo(at);
        return;
      }
      if (bounds.has(element) && !(scopeBounds.has(name) && element !== "table")) return;
    }
  }

  text(text: string): void {
    const { hidden, preformatted } = this.#current;
    if (hidden || this.#tooDeep > 0) {
      if (!this.hiddenFound && !neverShown.has(this.#current.name)) this.hiddenFound = text.trim() !== "";
    } else if (preformatted) this.#lines.preformatted(text);
    else this.#lines.running(text);
  }

  closeAll(): void {
    this.#closeTo(0);
  }

  #closeTo(depth: number): void {
    while (this.#open.length > depth) {
      const closed = this.#open.pop() ?? this.#root;
      this.#counts.set(closed.name, (this.#counts.get(closed.name) ?? 1) - 1);
      this.#current = this.#open.at(-1) ?? this.#root;
      if (closed.link !== null && !closed.hidden) this.#link(closed.link);
      if (!closed.hidden) this.#lines.breakLines(breaksAround(closed.name));
      this.#lines.quoteDepth = this.#current.quoteDepth;
    }
  }

  #endImplied(name: string): void {
    if (endsParagraph(name) && (this.#counts.get("p") ?? 0) > 0) this.#endWithin(["p"], paragraphBounds);
    const implied = impliedEnds.get(name);
    if (implied === undefined) return;
    for (const closed of implied.closes) {
      if ((this.#counts.get(closed) ?? 0) > 0) this.#endWithin([closed], implied.within);
    }
  }

  #endWithin(names: readonly string[], within: readonly string[]): void {
    for (let at = this.#open.length - 1; at >= 0; at -= 1) {
      const name = this.#open[at]?.name ?? "";
      if (names.includes(name)) {
        this.#closeTo(at);
        return;
      }
      if (within.includes(name)) return;
    }
  }

  #styles(name: string, attributes: Attributes): readonly Style[] {
    const styles: Style[] = neverShown.has(name) ? [{ notDisplayed: true }] : [];
    if (attributes.size === 0 && name !== "style") return [...styles, ...this.#sheet.stylesFor(name, "", "")];
    const [colour, background] = [attributes.get("color"), attributes.get("bgcolor")];
    if (colour !== undefined && name === "font") styles.push({ colour: readColour(colour.trim().toLowerCase()) });
    if (background !== undefined) styles.push({ background: readColour(background.trim().toLowerCase()) });
    if (attributes.has("background")) styles.push({ background: null });
    styles.push(...this.#sheet.stylesFor(name, attributes.get("class") ?? "", attributes.get("id") ?? ""));
    const own = attributes.get("style");
    if (own !== undefined) styles.push(readStyle(own));
    if (attributes.has("hidden")) styles.push({ notDisplayed: true });
    return styles;
  }

  /** What a link shows and where it leads are two things; only the second is true. */
  #link({ href, position }: { href: string; position: number }): void {
    const address = realAddress(href);
    if (address === null) return;
    const shown = this.#lines.since(position).trim();
    const plain = address.replace(/^(mailto|tel):/, "").replace(/\/$/, "");
    if (shown === address || shown.replace(/\/$/, "") === plain) return;
    this.#lines.space();
    this.#lines.running(`<${address}>`);
  }

  /** What is shown instead of a picture, and instead of a pixel that counts readers nothing. */
  #picture(attributes: Attributes): void {
    const text = attributes.get("alt")?.slice(0, alternativeTextLengthMax).trim() ?? "";
    const pixel = [attributes.get("width"), attributes.get("height")].some((size) => size === "0" || size === "1");
    const own = attributes.get("style");
    if (text === "" || pixel || this.#current.hidden || this.#tooDeep > 0) return;
    if (own !== undefined && isHidden(visibilityInside(this.#current.visibility, [readStyle(own)]))) return;
    this.#lines.running(`[${text}]`);
  }
}

const paragraphBounds = [...scopeBounds, "button"];

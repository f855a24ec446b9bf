import { Tokenizer } from "htmlparser2";
import { HtmlElements } from "./html-elements.ts";
import { readStyleSheet } from "./style-sheet.ts";
import { type ElementSink, TagReader } from "./tag-reader.ts";
import { TextLines } from "./text-lines.ts";

export type HtmlText = {
  /** Lines end in LF; links have their address behind them in angle brackets. */
  readonly text: string;
  /** Text was left out that nobody sees. */
  readonly hidden: boolean;
  /** The document is longer than is read. */
  readonly cut: boolean;
};

const htmlLengthMax = 2_000_000;

/**
 * The text of an HTML document as a person sees it: without what styles, colours or sizes hide, without comments, with the
 * real address of each link. Linear in time. Styles are understood as far as mail uses them to hide: an element's own, and
 * rules of a name, a class or an id; not pictures laid over text, and not conditions on the screen.
 */
export function htmlToText(html: string): HtmlText {
  const cut = html.length > htmlLengthMax;
  const read = cut ? html.slice(0, htmlLengthMax) : html;
  const lines = new TextLines();
  const elements = new HtmlElements(lines, readStyleSheet(/<style/i.test(read) ? styleSheets(read) : ""));
  tokenize(read, elements);
  elements.closeAll();
  return { text: lines.toString(), hidden: elements.hiddenFound, cut };
}

/** A style sheet holds for the whole document, also for what stands before it. */
function styleSheets(html: string): string {
  const sheets: string[] = [];
  let inside = false;
  tokenize(html, {
    open: (name) => {
      inside = name === "style";
    },
    close: () => {
      inside = false;
    },
    text: (text) => {
      if (inside) sheets.push(text);
    },
  });
  return sheets.join("\n");
}

function tokenize(html: string, sink: ElementSink): void {
  const tokenizer = new Tokenizer({}, new TagReader(html, sink));
  tokenizer.write(html);
  tokenizer.end();
}

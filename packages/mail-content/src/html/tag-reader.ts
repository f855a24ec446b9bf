import type { Tokenizer } from "htmlparser2";

/** Lower-case names. Of two attributes of one name the first holds (HTML Standard §13.2.5.33). */
export type Attributes = ReadonlyMap<string, string>;

export type ElementSink = {
  open(name: string, attributes: Attributes): void;
  close(name: string): void;
  text(text: string): void;
};

type Callbacks = ConstructorParameters<typeof Tokenizer>[1];

/** Only these say something about how text is shown. */
const attributesRead = new Set(
  ["style", "class", "id", "href", "hidden", "color", "bgcolor", "background", "size"].concat([
    "width",
    "height",
    "alt",
    "dir",
    "type",
  ]),
);
const valueLengthMax = 8_000;

/** Puts the tokenizer's positions together to tags with their attributes. Comments and declarations are nobody's text. */
export class TagReader implements Callbacks {
  readonly #html: string;
  readonly #sink: ElementSink;
  #name = "";
  #attributes = new Map<string, string>();
  #attribute = "";
  #value = "";

  constructor(html: string, sink: ElementSink) {
    this.#html = html;
    this.#sink = sink;
  }

  onopentagname(start: number, end: number): void {
    this.#name = this.#html.slice(start, end).toLowerCase();
    this.#attributes = new Map();
  }

  onattribname(start: number, end: number): void {
    // A longer name is none that is read; slicing it would only copy.
    this.#attribute = end - start > 20 ? "" : this.#html.slice(start, end).toLowerCase();
    this.#value = "";
  }

  onattribdata(start: number, end: number): void {
    if (this.#value.length < valueLengthMax)
      this.#value += this.#html.slice(start, Math.min(end, start + valueLengthMax));
  }

  onattribentity(codepoint: number): void {
    if (this.#value.length < valueLengthMax) this.#value += String.fromCodePoint(codepoint);
  }

  onattribend(): void {
    if (attributesRead.has(this.#attribute) && !this.#attributes.has(this.#attribute)) {
      this.#attributes.set(this.#attribute, this.#value);
    }
  }

  onopentagend(): void {
    this.#sink.open(this.#name, this.#attributes);
  }

  /** HTML has no such thing: `<div/>` opens a `div` (HTML Standard §13.2.6.4.7). */
  onselfclosingtag(): void {
    this.onopentagend();
  }

  onclosetag(start: number, end: number): void {
    this.#sink.close(this.#html.slice(start, end).toLowerCase());
  }

  ontext(start: number, end: number): void {
    this.#sink.text(this.#html.slice(start, end));
  }

  ontextentity(codepoint: number): void {
    this.#sink.text(String.fromCodePoint(codepoint));
  }

  oncdata(): void {}
  oncomment(): void {}
  ondeclaration(): void {}
  onprocessinginstruction(): void {}
  onend(): void {}
}

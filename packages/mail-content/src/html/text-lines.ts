const quoteDepthShown = 10;

/** Puts running text together to lines the way a browser lays it out: blanks collapse, blocks stand apart. */
export class TextLines {
  readonly #chunks: string[] = [];
  #breaks = 0;
  #space = false;
  #lineEmpty = true;
  #quoteDepth = 0;
  #depthWritten = 0;

  get position(): number {
    return this.#chunks.length;
  }

  /** What was written since `position` was asked. */
  since(position: number): string {
    return this.#chunks.slice(position).join("");
  }

  set quoteDepth(depth: number) {
    this.#quoteDepth = Math.min(depth, quoteDepthShown);
  }

  /** At least so many line breaks before what follows. */
  breakLines(count: number): void {
    if (count === 0) return;
    if (this.#chunks.length > 0 || this.#breaks > 0) this.#breaks = Math.max(this.#breaks, count);
    this.#space = false;
  }

  /** One more line break, as `<br>` and a preformatted text have it. */
  endLine(): void {
    this.#breaks = Math.min(this.#breaks + 1, 3);
    this.#space = false;
  }

  space(): void {
    this.#space = true;
  }

  running(text: string): void {
    const words = text.replace(/[ \t\r\n\f\u00a0]+/g, " ");
    if (words.startsWith(" ")) this.#space = true;
    if (words.trim() === "") return;
    this.#write(words.trim());
    this.#space = words.endsWith(" ");
  }

  preformatted(text: string): void {
    for (const [index, line] of text.split("\n").entries()) {
      if (index > 0) this.endLine();
      if (line !== "") this.#write(line.replaceAll("\u00a0", " "));
    }
  }

  toString(): string {
    return this.#chunks.join("");
  }

  #write(text: string): void {
    if (this.#breaks > 0) {
      const between = marks(Math.min(this.#quoteDepth, this.#depthWritten)).trimEnd();
      if (this.#chunks.length > 0) this.#chunks.push(`\n${between}`.repeat(this.#breaks - 1), "\n");
      this.#lineEmpty = true;
      this.#breaks = 0;
    }
    if (this.#lineEmpty) this.#chunks.push(marks(this.#quoteDepth));
    else if (this.#space) this.#chunks.push(" ");
    this.#lineEmpty = false;
    this.#space = false;
    this.#depthWritten = this.#quoteDepth;
    this.#chunks.push(text);
  }
}

function marks(depth: number): string {
  return depth === 0 ? "" : `${">".repeat(depth)} `;
}

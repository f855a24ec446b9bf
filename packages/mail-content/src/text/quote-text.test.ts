import { describe, expect, it } from "vitest";
import { quoteText } from "./quote-text.ts";

const quoted = { attribution: "On Monday, Ada wrote:", text: "One.\r\n> older\n\n<b>Two</b> & three \n\n" };

describe("an answer with what it answers", () => {
  it("has each line of it behind a mark, and older ones behind two", () => {
    expect(quoteText({ text: "Yes.\n\n", html: null }, quoted)).toEqual({
      text: "Yes.\n\nOn Monday, Ada wrote:\n> One.\n>> older\n>\n> <b>Two</b> & three\n",
      html: null,
    });
  });

  it("has it in HTML as text, inside the body", () => {
    const { text, html } = quoteText({ text: null, html: "<html><body><p>Yes.</p></body></html>" }, quoted);
    expect(text).toBeNull();
    expect(html).toContain("&#60;b&#62;Two&#60;/b&#62; &#38; three");
    expect(html).toMatch(
      /^<html><body><p>Yes\.<\/p><p>On Monday, Ada wrote:<\/p><blockquote.*<\/blockquote><\/body><\/html>$/s,
    );
    expect(quoteText({ text: null, html: "<p>Yes.</p>" }, quoted).html).toMatch(/^<p>Yes\.<\/p><p>/);
  });

  it("has one line for whom it is from, whatever they call themselves", () => {
    const { text } = quoteText({ text: "a", html: null }, { attribution: "On Monday, A\r\nB wrote:", text: "x" });
    expect(text).toBe("a\n\nOn Monday, A B wrote:\n> x\n");
  });

  it("is cut where there is too much", () => {
    const { text } = quoteText({ text: "a", html: null }, { attribution: "x:", text: "y".repeat(60_000) });
    expect(text?.length).toBeLessThan(50_100);
    expect(text).toMatch(/\n> \[…\]\n$/);
  });
});

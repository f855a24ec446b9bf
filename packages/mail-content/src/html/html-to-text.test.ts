import { describe, expect, it } from "vitest";
import { htmlToText } from "./html-to-text.ts";

const text = (html: string) => htmlToText(html).text;

describe("what a person does not see is left out, and told", () => {
  it.each([
    ["display", '<div style="display:none">secret</div>'],
    ["display, spelt with an escape", '<div style="d\\69splay : NONE !important">secret</div>'],
    ["display behind a comment", '<div style="/*;*/display:none">secret</div>'],
    ["visibility", "<p style='visibility:hidden'>secret</p>"],
    ["opacity", "<td style=opacity:0.01>secret</td>"],
    ["opacity of two elements together", '<p style="opacity:.2"><b style="opacity:.3">secret</b></p>'],
    ["no size", '<span style="font-size:0">secret</span>'],
    ["one pixel", '<span style="font:1px/1 Arial">secret</span>'],
    ["a size relative to nothing", '<p style="font-size:0"><b style="font-size:2em">secret</b></p>'],
    ["no height", '<div style="max-height:0;overflow:hidden">secret</div>'],
    ["beside the page", '<div style="position:absolute;left:-9999px">secret</div>'],
    ["white on white", '<font color="#FFFFFF">secret</font>'],
    ["nearly white on white", '<span style="color:rgb(250, 250, 250)">secret</span>'],
    ["black on black", '<table bgcolor="#000"><tr><td style="color:black">secret</td></tr></table>'],
    ["transparent", '<span style="color:rgba(0,0,0,0)">secret</span>'],
    ["a rule for a class", "<b class='x y'>secret</b><style>@media screen { .y { display: none } }</style>"],
    ["a rule for an id", "<style>u, #i { visibility: hidden }</style><i id=i>secret</i>"],
    ["the attribute", "<div hidden>secret</div>"],
    ["an end tag that does not reach out", '<span style="display:none"><div></span>secret</div></span>'],
    ["a tag that closes itself, which HTML does not have", '<span style="display:none"/>secret</span>'],
  ])("%s", (_, html) => {
    expect(htmlToText(`<p>before</p>${html}<p>after</p>`)).toEqual({
      text: "before\n\nafter",
      hidden: true,
      cut: false,
    });
  });

  it.each([
    ["a comment", "<!-- secret -->"],
    ["a title", "<title>secret</title>"],
    ["a script", "<script>secret</script>"],
    ["a template", "<template>secret</template>"],
    ["a pixel's text", "<img width=1 height=1 alt=secret>"],
  ])("%s is no text, and nothing anybody hid", (_, html) => {
    expect(htmlToText(`a${html}b`).text).not.toContain("secret");
    expect(htmlToText(`a${html}b`).hidden).toBe(false);
  });
});

describe("what a person sees is kept", () => {
  it.each([
    ["white on a dark table", '<table bgcolor="black"><tr><td><font color="white">seen</font></td></tr></table>'],
    ["white on a picture", '<div style="color:#fff;background:url(https://a.example/b.png)">seen</div>'],
    ["a size inside of none", '<div style="font-size:0"><span style="font-size:14px">seen</span></div>'],
    ["made visible again", '<div style="visibility:hidden"><b style="visibility:visible">seen</b></div>'],
    ["a paragraph that ends a hidden one", '<p style="display:none"><p>seen'],
    ["a cell that ends a hidden one", '<table><tr><td style="display:none"><td>seen</table>'],
    ["a rule for small screens", "<style>@media (max-width:600px) { .m { display:none } }</style><b class=m>seen</b>"],
    ["what only some programs would leave out", "<![if !mso]>seen<![endif]>"],
    ["a picture's text", '<img src="cid:x" alt="seen">'],
  ])("%s", (_, html) => {
    expect(text(html).replace(/[[\]]/g, "")).toBe("seen");
  });
});

describe("links", () => {
  it("keep the host a browser would ask", () => {
    expect(text('<a href="https://bank.example@evil.example/in">www.bank.example</a>')).toBe(
      "www.bank.example <https://evil.example/in>",
    );
    expect(text('<a href="https://b&#1072;nk.example/">bank</a>')).toBe("bank <https://xn--bnk-6cd.example/>");
  });

  it("are written once where they show where they lead", () => {
    expect(
      text('<a href="https://a.example/">https://a.example</a> <a href="mailto:x@a.example">x@a.example</a>'),
    ).toBe("https://a.example x@a.example");
  });

  it("that lead nowhere are only their text", () => {
    expect(text('<a href="javascript:alert(1)">one</a> <a href="#top">two</a>')).toBe("one two");
  });
});

describe("layout", () => {
  it("keeps paragraphs, lists, breaks and quotes apart", () => {
    const html =
      "<p>Hi  <b>Ada</b>,<br>yes.<ul><li>one<li>two</ul><blockquote>a<br>b<blockquote>c</blockquote></blockquote>d";
    expect(text(html)).toBe("Hi Ada,\nyes.\n\n- one\n- two\n\n> a\n> b\n>\n>> c\n\nd");
  });

  it("keeps preformatted text as it is", () => {
    expect(text("<pre>a\n  b\n\nc</pre>d")).toBe("a\n  b\n\nc\n\nd");
  });

  it("decodes entities once", () => {
    expect(text("1 &lt; 2 &amp;amp; &#x20AC;&nbsp;5")).toBe("1 < 2 &amp; € 5");
  });
});

describe("time stays below two seconds", () => {
  const many = 300_000;
  it.each([
    ["elements that never end", "<div>".repeat(many)],
    ["ends of what never began", "<div>".repeat(many / 2) + "</x>".repeat(many)],
    ["ends that reach nothing", `${"<span>".repeat(200)}<p>${"<b>".repeat(190)}${"</span>".repeat(many)}`],
    ["links that never end", '<a href="'.repeat(many)],
    ["links in links", "<a href='http://x.example/'>x".repeat(many / 5)],
    ["tables in tables", "<table><tr><td>".repeat(many / 3)],
    ["list items below deep nesting", `<p>${"<x>".repeat(390)}${"<li>".repeat(many)}`],
    ["quotes in quotes", `${"<blockquote>".repeat(300)}${"<br>x".repeat(many)}`],
    [
      "rules for one class",
      `<style>${".a{display:none}".repeat(many / 4)}</style>${'<i class="a a a">'.repeat(many / 5)}`,
    ],
    ["comments in styles", `<i style="${"/*".repeat(2_000)}">`.repeat(250)],
    ["sheets that never end", "<style>{".repeat(many / 4)],
  ])("for %s", (_, html) => {
    const start = performance.now();
    htmlToText(html);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

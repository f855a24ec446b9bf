import { cutText } from "../storable-text.ts";

/** Who wants all of it has the message itself. */
const quotedLengthMax = 50_000;

export type QuotedAnswer = { readonly text: string | null; readonly html: string | null };

/**
 * An answer with what it answers behind it: each line after `> `, and in HTML as plain text in a block quotation, so that
 * nothing of a stranger's mark-up, links to their pictures among it, leaves under our name.
 */
export function quoteText(
  { text, html }: QuotedAnswer,
  quoted: { readonly attribution: string; readonly text: string },
): QuotedAnswer {
  const attribution = quoted.attribution.replace(/\p{Cc}+/gu, " ");
  const whole = quoted.text.replace(/\r\n?/g, "\n").trimEnd();
  const cut = cutText(whole, quotedLengthMax);
  const lines = `${cut}${cut.length < whole.length ? "\n[…]" : ""}`.split("\n");
  const plain = lines.map((line) => (line.startsWith(">") ? `>${line}` : `> ${line}`.trimEnd())).join("\n");
  const markUp = `<p>${escaped(attribution)}</p><blockquote type="cite"><pre style="white-space:pre-wrap">${lines.map(escaped).join("\n")}</pre></blockquote>`;
  return {
    text: text === null ? null : `${text.trimEnd()}\n\n${attribution}\n${plain}\n`,
    html: html === null ? null : withinBody(html, markUp),
  };
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function withinBody(html: string, more: string): string {
  const end = html.toLowerCase().lastIndexOf("</body");
  return end === -1 ? `${html}${more}` : `${html.slice(0, end)}${more}${html.slice(end)}`;
}

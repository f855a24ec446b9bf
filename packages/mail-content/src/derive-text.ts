import { htmlToText } from "./html/html-to-text.ts";
import type { ReadableMessage } from "./parsed-message.ts";
import { replyText } from "./text/reply-text.ts";
import { stripInvisible } from "./text/strip-invisible.ts";

/** A message's text for machines: what a person would see of it, and nothing beside that. */
export type DerivedText = {
  /** From the plain part where it says everything, otherwise from the HTML. Lines end in LF. */
  readonly text: string | null;
  /** `text` without the history it quotes. */
  readonly replyText: string | null;
  /** As `field.what`; never content. */
  readonly warnings: readonly string[];
};

/**
 * Makes the text for machines out of a parsed message, in time linear in its size. It is apart from parsing because it
 * costs more, and not everybody who parses needs it.
 */
export function deriveText({ text, html, warnings }: Pick<ReadableMessage, "text" | "html" | "warnings">): DerivedText {
  const found = new Set<string>();
  const visible = html === null ? null : fromHtml(html, found);
  // The reader of the parts says so where HTML stands alone beside the plain part.
  const plainSaysAll = text !== null && text.trim() !== "" && !warnings.includes("text.incomplete");
  if (plainSaysAll && visible !== null && differs(text, visible)) found.add("text.differs-from-html");
  const source = plainSaysAll ? text : (visible ?? text);
  if (source === null) return { text: null, replyText: null, warnings: [...found] };
  const { text: shown, removed } = stripInvisible(source);
  if (removed) found.add("text.invisible-characters");
  return { text: shown, replyText: replyText(shown), warnings: [...found] };
}

function fromHtml(html: string, found: Set<string>): string | null {
  const { text, hidden, cut } = htmlToText(html);
  if (hidden) found.add("html.hidden-text");
  if (cut) found.add("html.cut");
  return text.trim() === "" ? null : text;
}

const wordsMax = 20_000;
const wordsMin = 5;

/**
 * Whether the plain part says something else than the HTML: then a person and a machine read two messages. Fewer than half
 * of its words are in the other; links and numbers do not count, which programs write in many ways.
 */
function differs(text: string, visible: string): boolean {
  const said = words(text);
  if (said.size < wordsMin) return false;
  const shown = words(visible);
  let common = 0;
  for (const word of said) if (shown.has(word)) common += 1;
  return common * 2 < said.size;
}

function words(text: string): Set<string> {
  const found = new Set<string>();
  for (const [word] of text.replace(/\S+:\/\/\S+/g, " ").matchAll(/\p{L}{3,}/gu)) {
    found.add(word.toLowerCase());
    if (found.size >= wordsMax) break;
  }
  return found;
}

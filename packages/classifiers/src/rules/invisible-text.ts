/**
 * Text that a machine reads and a person does not see. Two ways: characters that take no room (tags spell whole sentences),
 * and elements that a style hides. One hidden word is a preheader or a trick of layout; a hidden sentence is a message.
 */
export function hasInvisibleText(text: string, html: string): boolean {
  return spellsInTags(text) || spellsInTags(html) || hidesSentence(html);
}

/** Tags (U+E0000…), and runs of zero-width characters longer than any script needs. */
const tags = /[\u{e0020}-\u{e007e}]{4}|(?:\u200b|\u200c|\u200d|[\u2060-\u2064]|\ufeff){8}/u;
/** One UTF-16 unit that each of them has: a tenth of the time, and most mail has none. */
const unitOfTags = /[\u200b-\u200d\u2060-\u2064\ufeff\udb40]/;

/** Flags of regions are spelled in tags behind a black flag (UTS #51 ED-14a), and are seen. */
const regionFlag = /\u{1f3f4}[\u{e0020}-\u{e007e}]{1,8}\u{e007f}/gu;

function spellsInTags(text: string): boolean {
  return unitOfTags.test(text) && tags.test(text) && tags.test(text.replace(regionFlag, ""));
}

/** What hides an element, in lower case and without blanks. */
const hidingStyles = ["display:none", "visibility:hidden", "font-size:0", "opacity:0;", "max-height:0", "mso-hide:all"];
const styleLengthMax = 2_000;
const hiddenLengthMax = 2_000;
const elementsMax = 50;
/** Words that are hidden together. A preheader repeats what the letter says and is rarely longer than this. */
const hiddenWordsMin = 25;

function hidesSentence(html: string): boolean {
  if (html === "") return false;
  let at = 0;
  for (let count = 0; count < elementsMax; count++) {
    const style = html.indexOf("style=", at);
    if (style < 0) return false;
    at = style + 6;
    const end = html.indexOf(">", at);
    if (end < 0) return false;
    const value = html
      .slice(at, Math.min(end, at + styleLengthMax))
      .toLowerCase()
      .replace(/\s+/g, "");
    if (hidingStyles.some((hiding) => value.includes(hiding)) && wordsAfter(html, end + 1) >= hiddenWordsMin)
      return true;
  }
  return false;
}

/** How many words stand in an element, up to its end tag or the first one after it that is nobody's child. */
function wordsAfter(html: string, from: number): number {
  const inside = html.slice(from, from + hiddenLengthMax);
  const end = inside.search(/<\/(?:div|p|span|td|table|font|h\d)\b/i);
  const shown = (end < 0 ? inside : inside.slice(0, end)).replace(/<[^>]*>|&\w+;/g, " ");
  return shown.match(/\p{L}{2,}/gu)?.length ?? 0;
}

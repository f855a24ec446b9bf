/**
 * Characters that take no room or steer the direction (UAX #9), and with which a text for people can carry another one
 * for machines: zero-width characters, tags (U+E0000 to U+E007F), fillers, controls.
 */
const neverSeen = /[[\p{Cc}\p{Default_Ignorable_Code_Point}]--[\t\n\f\r\p{Join_Control}\p{Variation_Selector}]]+/gv;

/** Joiners and selectors of variants: needed behind some characters, and never two of them. */
const sometimesNeeded = /[\p{Join_Control}\p{Variation_Selector}]+/gv;

/** Scripts that are written wrong without joiners, and the pictures that are built with them. */
const joinable =
  /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Mongolian}]/u;
/** A picture, a digit of a keycap, or an ideograph (UTS #51, UTS #37). */
const selectable = /^[\p{Extended_Pictographic}\p{Script=Han}\p{Script=Mongolian}0-9#*]/u;
const joiner = /^\p{Join_Control}/u;
const selectorThenJoiner = /^\ufe0f\u200d/;

/** The text without what nobody sees; `removed` says whether anything was. */
export function stripInvisible(text: string): { readonly text: string; readonly removed: boolean } {
  const seen = text.replace(neverSeen, "");
  const kept = seen.replace(sometimesNeeded, (run: string, at: number) => {
    const before = characterBefore(seen, at);
    if (joiner.test(run)) return joinable.test(before) ? run.slice(0, 1) : "";
    if (!selectable.test(before)) return "";
    // A picture may have both, such as the heart on fire.
    if (selectorThenJoiner.test(run)) return run.slice(0, 2);
    return String.fromCodePoint(run.codePointAt(0) ?? 0);
  });
  return { text: kept, removed: kept.length < text.length };
}

function characterBefore(text: string, at: number): string {
  const whole = at >= 2 && /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 2, at));
  return text.slice(Math.max(0, whole ? at - 2 : at - 1), at);
}

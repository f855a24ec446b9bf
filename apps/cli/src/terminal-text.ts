/**
 * What a terminal would obey or hide instead of show: control characters (ECMA-48 §5), line and paragraph separators, and
 * the marks that turn the direction of what follows (UAX #9), with which `exe.txt` is shown for `txt.exe`.
 */
const obeyed = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Text that came from outside, for a terminal: each character of that kind is written out, as `\u001b`. */
export function toTerminalText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(obeyed, escaped);
}

/** The same for one cell or one line: breaks and tabs are written out too. */
export function toTerminalLine(text: string): string {
  return toTerminalText(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** One line of JSON that means the same and that a terminal shows as it is. `JSON.stringify` itself escapes C0 alone. */
export function toTerminalJson(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === "bigint" ? Number(field) : field)).replace(
    obeyed,
    escaped,
  );
}

function escaped(character: string): string {
  if (character === "\n" || character === "\t") return character;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * What a terminal would obey or hide instead of show: C0 (but not tab and line feed), DEL and C1 (ECMA-48 §5), line and
 * paragraph separators, and the marks that turn the direction of what follows (UAX #9), with which `exe.txt` is shown
 * for `txt.exe`.
 */
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

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
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

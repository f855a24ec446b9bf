/**
 * What PostgreSQL and JSON take: NUL (which `text` refuses) and lone surrogates (which are no UTF-8) become U+FFFD.
 * Tells `changed` when it had to.
 */
export function storableText(value: string, changed: () => void): string {
  const wellFormed = value.isWellFormed();
  if (wellFormed && !value.includes("\0")) return value;
  changed();
  return (wellFormed ? value : value.toWellFormed()).replaceAll("\0", "\uFFFD");
}

/** Cuts without leaving half a character behind. */
export function cutText(value: string, lengthMax: number): string {
  if (value.length <= lengthMax) return value;
  const last = value.charCodeAt(lengthMax - 1);
  return value.slice(0, last >= 0xd800 && last <= 0xdbff ? lengthMax - 1 : lengthMax);
}

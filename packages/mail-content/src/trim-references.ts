/** Keeps the root's end and the newest end of a long thread, as RFC 5322 §3.6.4 leaves to us and RFC 5537 §3.4.4 advises. */
export function trimReferences(ids: readonly string[], countMax: number): string[] {
  if (ids.length <= countMax) return [...ids];
  const first = Math.ceil(countMax / 2);
  return [...ids.slice(0, first), ...ids.slice(ids.length - (countMax - first))];
}

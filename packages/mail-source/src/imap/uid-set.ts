/** Servers read command lines of 8,192 bytes (RFC 9051 §4.3.1 names no limit, RFC 7162 §4 this one). */
const setCharactersMax = 6_000;

/**
 * UIDs as IMAP sequence sets (RFC 9051 §9), such as `4:7,9`, each short enough for one command.
 * `uids` ascend; a range never names a UID that was not given.
 */
export function uidSets(uids: readonly number[]): { readonly set: string; readonly uids: readonly number[] }[] {
  const sets: { set: string; uids: number[] }[] = [];
  let current = { set: "", uids: [] as number[] };
  for (let at = 0; at < uids.length; ) {
    const first = uids[at] ?? 0;
    let last = first;
    const run: number[] = [];
    while (uids[at] === last) {
      run.push(last);
      at++;
      last++;
    }
    const range = run.length === 1 ? `${first}` : `${first}:${last - 1}`;
    if (current.set.length + range.length > setCharactersMax) {
      sets.push(current);
      current = { set: "", uids: [] };
    }
    current = { set: current.set === "" ? range : `${current.set},${range}`, uids: current.uids };
    current.uids.push(...run);
  }
  return current.uids.length === 0 ? sets : [...sets, current];
}

/**
 * Loaded into one of the fleet's processes with `node --import`, for that process alone: replaces a line of its source while
 * it is read. So the demo can take one guard away, or stop a worker at an exact line, without a switch in the product.
 */
import { registerHooks } from "node:module";

export type Rewrite = { readonly file: string; readonly find: string; readonly replace: string };

export const rewriteVariable = "MAILFLEET_DEMO_REWRITE";

const rewrites = JSON.parse(process.env[rewriteVariable] ?? "[]") as readonly Rewrite[];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const mine = rewrites.filter(({ file }) => url.endsWith(`/${file}`));
    if (mine.length === 0) return loaded;
    return { ...loaded, source: mine.reduce(rewritten, String(loaded.source)) };
  },
});

/** A line that is no longer there, or there twice, is a demo that has fallen behind the code: better no demo than a false one. */
function rewritten(source: string, { file, find, replace }: Rewrite): string {
  if (source.split(find).length !== 2) throw new Error(`${file} no longer has exactly one: ${find}`);
  return source.replace(find, () => replace);
}

/**
 * Loaded into one of the fleet's processes with `node --import`, for that process alone: ends or freezes it at an exact
 * line of its source, so that the product needs no switch for it. SIGUSR2 arms the point.
 */
import { registerHooks } from "node:module";
import { type Interference, interferenceVariable, type Rewrite } from "./point.ts";

const { point, rewrites } = JSON.parse(process.env[interferenceVariable] ?? "{}") as Interference;
const all: readonly Rewrite[] =
  point === null
    ? rewrites
    : [...rewrites, { file: point.file, find: point.before, replace: `globalThis.reachPoint(); ${point.before}` }];

let armed = point?.armed ?? false;
let passed = 0;
process.on("SIGUSR2", () => {
  armed = true;
  process.stdout.write('{"event":"point.armed"}\n');
});

function reachPoint(): void {
  if (point === null || !armed) return;
  passed += 1;
  if (passed !== point.hit) return;
  const end = () => process.kill(process.pid, point.signal ?? "SIGKILL");
  if (point.soon === true) setImmediate(end);
  else end();
}
Object.assign(globalThis, { reachPoint });

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const mine = all.filter(({ file }) => url.endsWith(`/${file}`));
    return mine.length === 0 ? loaded : { ...loaded, source: mine.reduce(rewritten, String(loaded.source)) };
  },
});

/** A text that is no longer there, or there twice, is a test that has fallen behind the code. */
function rewritten(source: string, { file, find, replace }: Rewrite): string {
  if (source.split(find).length !== 2) throw new Error(`${file} no longer has exactly one: ${find}`);
  return source.replace(find, () => replace);
}

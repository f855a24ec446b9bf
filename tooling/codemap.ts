/**
 * Writes the table of packages and apps into ARCHITECTURE.md. With `--check` it writes nothing and fails when the table
 * is stale, so that the map cannot drift from the workspace.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeCodemap, renderCodemap } from "./render-codemap.ts";
import { readMembers, readText, root } from "./workspace.ts";

const document = "ARCHITECTURE.md";

process.exitCode = main(process.argv.includes("--check"));

function main(checkOnly: boolean): number {
  try {
    if (!existsSync(join(root, document))) throw new Error("it does not exist; write it, with the two codemap markers");
    const written = readText(document);
    const wanted = placeCodemap(written, renderCodemap(readMembers()));
    if (written === wanted) return 0;
    if (checkOnly) throw new Error("its codemap is stale; run `npm run codemap` and commit the result");
    writeFileSync(join(root, document), wanted);
    console.log(`${document}: codemap written`);
    return 0;
  } catch (error) {
    console.error(`${document}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

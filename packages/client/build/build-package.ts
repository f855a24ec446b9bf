/**
 * Makes `dist` a package for any Node that runs plain JavaScript: our own code in one file, what is not ours as
 * dependencies of one exact version each, the types, and the files that the code reads. `npm pack ./dist` packs it.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { isOwn, members, ownDependencies, thirdPartyDependencies } from "./members.ts";
import { writeTypes } from "./write-types.ts";

const packageFolder = join(import.meta.dirname, "..");
const dist = process.argv[2] ?? join(packageFolder, "dist");

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const bundle = await rolldown({
  input: join(packageFolder, "src/index.ts"),
  platform: "node",
  // What Node 22 does not know yet (`await using`) is written with the bundler's own small functions, which go along.
  external: (id, _from, isResolved) =>
    !isResolved && !/^[./]/.test(id) && !isOwn(id) && !id.startsWith("@oxc-project/"),
  transform: { target: "node22.19" },
});
// One folder deep, as in `src`: the code finds its migrations and policies one folder above it.
await bundle.write({ dir: join(dist, "lib"), format: "esm", entryFileNames: "index.js", codeSplitting: false });
await bundle.close();
writeTypes(join(packageFolder, "src/index.ts"), join(dist, "types"));
cpSync(join(members["@mailfleet/database"].folder, "migrations"), join(dist, "migrations"), { recursive: true });
cpSync(join(members["@mailfleet/gate"].folder, "policies"), join(dist, "policies"), { recursive: true });
for (const file of ["README.md", "../../LICENSE"])
  cpSync(join(packageFolder, file), join(dist, file.replace(/.*\//, "")));

const { name, version, description, license } = members["@mailfleet/client"].manifest;
const manifest = {
  ...{ name, version, description, license, type: "module", engines: { node: ">=22.19" } },
  exports: { ".": { types: "./types/packages/client/src/index.d.ts", default: "./lib/index.js" } },
  dependencies: thirdPartyDependencies(ownDependencies("@mailfleet/client")),
};
writeFileSync(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

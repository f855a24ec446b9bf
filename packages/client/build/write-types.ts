import { execFileSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isOwn } from "./members.ts";

const root = join(import.meta.dirname, "../../..");

/** Declarations of a source file and of everything of ours that it names, with no `.ts` and no name of a workspace left. */
export function writeTypes(entry: string, folder: string): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const project = {
    extends: join(root, "tsconfig.base.json"),
    files: [entry],
    compilerOptions: compilerOptions(folder),
  };
  const projectFile = join(import.meta.dirname, "../node_modules/.types.tsconfig.json"); // from here @types are found
  writeFileSync(projectFile, JSON.stringify(project));
  execFileSync(process.execPath, [compiler, "--project", projectFile], { stdio: "inherit" });
  for (const path of globSync("**/*.d.ts", { cwd: folder })) {
    const file = join(folder, path);
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(/((?:from|import)\s*\(?\s*")([^"]+)(")/g, rewrite(file, folder)),
    );
  }
}

function compilerOptions(outDir: string) {
  return { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir };
}

function rewrite(file: string, folder: string) {
  return (_whole: string, before: string, specifier: string, after: string) =>
    `${before}${isOwn(specifier) ? pathTo(file, folder, specifier) : specifier.replace(/^(\..*)\.ts$/, "$1.js")}${after}`;
}

function pathTo(file: string, folder: string, specifier: string): string {
  const target = join(folder, "packages", specifier.replace("@mailfleet/", ""), "src/index.js");
  return relative(dirname(file), target).replace(/^(?!\.)/, "./");
}

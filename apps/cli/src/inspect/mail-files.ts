import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files that are meant: a name as it is, a folder as every file in it and in the folders inside. Links in a folder are
 * not followed, since they may lead in circles. One name at a time, so that a folder of millions costs no memory; what
 * cannot be listed is a file that cannot be read, which whoever reads it will say.
 */
export async function* mailFiles(paths: readonly string[]): AsyncIterable<string> {
  for (const path of paths) {
    if (await isFolder(path)) yield* filesIn(path);
    else yield path;
  }
}

async function* filesIn(folder: string): AsyncIterable<string> {
  const folders: string[] = [];
  const names: string[] = [];
  try {
    for await (const entry of await opendir(folder)) {
      if (entry.isDirectory()) folders.push(entry.name);
      else if (entry.isFile()) names.push(entry.name);
    }
  } catch {
    // Listing it failed before or on the way: the reader of the name says why, and the files found so far still count.
    names.push("");
  }
  for (const name of names.sort()) yield name === "" ? folder : join(folder, name);
  for (const name of folders.sort()) yield* filesIn(join(folder, name));
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

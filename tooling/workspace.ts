import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";

export const root = dirname(import.meta.dirname);

/** From the processes down to the nouns, then what is beside the fleet. An arrow points only downwards. */
export const layers = ["app", "face", "adapter", "logic", "domain", "test", "tool"] as const;

export type Manifest = {
  readonly name: string;
  readonly description?: string;
  readonly license?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/** One package, app or tool of the workspace. */
export type Member = {
  /** Relative to the root, as in `packages/domain`. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** The tags of its turbo.json, which `turbo boundaries` reads. */
  readonly tags: readonly string[];
};

/** All members, in the order of their folders. */
export function readMembers(): Member[] {
  const workspace = parse(readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")) as { packages: string[] };
  const manifests = globSync(
    workspace.packages.map((pattern) => `${pattern}/package.json`),
    { cwd: root },
  );
  return manifests.toSorted().map((path) => {
    const folder = dirname(path);
    const { tags = [] } = readJson<{ tags?: string[] }>(join(folder, "turbo.json"));
    return { folder, manifest: readJson<Manifest>(path), tags };
  });
}

/** What is written here by hand: every file that is neither installed nor generated, relative to the root. */
export function listFiles(extension: string): string[] {
  const found = globSync(`**/*.${extension}`, {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|\.[a-z]+)$/.test(path),
  });
  return found.toSorted();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function readJson<T>(path: string): T {
  return JSON.parse(readText(path)) as T;
}

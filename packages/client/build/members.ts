import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
};
type Member = { readonly folder: string; readonly manifest: Manifest };

const packagesFolder = join(import.meta.dirname, "../..");

/** The packages of this workspace, by name. */
export const members = Object.fromEntries(
  readdirSync(packagesFolder).map((name) => {
    const folder = join(packagesFolder, name);
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
    return [manifest.name, { folder, manifest }];
  }),
) as Readonly<Record<`@mailfleet/${string}`, Member>> & {
  readonly [Name in "@mailfleet/client" | "@mailfleet/database" | "@mailfleet/gate"]: Member;
};

export function isOwn(name: string): name is `@mailfleet/${string}` {
  return name.startsWith("@mailfleet/");
}

/** A package of ours and all it depends on that is ours too. */
export function ownDependencies(name: `@mailfleet/${string}`, found = new Set<Member>()): ReadonlySet<Member> {
  const member = members[name];
  if (member === undefined || found.has(member)) return found;
  found.add(member);
  for (const needed of Object.keys(member.manifest.dependencies ?? {}))
    if (isOwn(needed)) ownDependencies(needed, found);
  return found;
}

/** What they need that is not ours, each in the version that is installed here and no other. */
export function thirdPartyDependencies(own: ReadonlySet<Member>): Record<string, string> {
  const needed = [...own].flatMap(({ folder, manifest }) =>
    Object.keys(manifest.dependencies ?? {})
      .filter((name) => !isOwn(name))
      .map((name) => [name, installedVersion(folder, name)] as const),
  );
  return Object.fromEntries(needed.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function installedVersion(folder: string, name: string): string {
  return (JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")) as Manifest).version;
}

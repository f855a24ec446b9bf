import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { layers, listFiles, type Manifest, readJson, readMembers, readText, root } from "./workspace.ts";

const members = readMembers();
const sources = [...listFiles("ts"), ...listFiles("mjs")].map((path) => ({ path, text: readText(path) }));
const packages = members.filter(({ folder }) => folder.startsWith("packages/"));
const apps = members.filter(({ folder }) => folder.startsWith("apps/"));

const exists = (path: string) => existsSync(join(root, path));
const folders = (found: readonly { folder: string }[]) => found.map(({ folder }) => folder);
const paths = (found: readonly { path: string }[]) => found.map(({ path }) => path);
const linesOf = (text: string) => text.split("\n").length - 1;

/** Tests, and what only tests and tools run, may look behind a port. */
const isBesideTheFleet = (path: string) =>
  /\.test\.ts$|\/test\/|^(packages\/testkit|tests|demo|bench|tooling)\//.test(path) || path === "vitest.workspace.ts";
const fleet = sources.filter(({ path }) => !isBesideTheFleet(path));

function importsOf(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']/g);
  return [...found].map(([, specifier = ""]) => specifier);
}

function imports(text: string, names: readonly string[]): boolean {
  return importsOf(text).some((specifier) =>
    names.some((name) => specifier === name || specifier.startsWith(`${name}/`)),
  );
}

function dependenciesOf(manifest: Manifest): [name: string, version: string][] {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

describe("every member of the workspace", () => {
  it("says what it is: a README, and a sentence for the codemap", () => {
    expect(folders(members.filter(({ folder }) => !exists(`${folder}/README.md`)))).toEqual([]);
    expect(folders(members.filter(({ manifest }) => !manifest.description?.endsWith(".")))).toEqual([]);
  });

  it("is private, Apache-2.0, and made of modules", () => {
    const same = { private: true, license: "Apache-2.0", type: "module" };
    for (const { folder, manifest } of members) expect(manifest, folder).toMatchObject(same);
  });

  it("stands in exactly one layer, and turbo knows the layer", () => {
    const turbo = readJson<{ boundaries: { tags: Record<string, unknown> } }>("turbo.json");
    expect(Object.keys(turbo.boundaries.tags).toSorted()).toEqual([...layers].toSorted());
    for (const { folder, tags } of members)
      expect({ folder, tags }).toEqual({ folder, tags: [expect.toBeOneOf([...layers])] });
  });

  it("takes each dependency from the catalog or the workspace, so that there is one version of each", () => {
    const all = [...members, { folder: ".", manifest: readJson<Manifest>("package.json") }];
    const strays = all.flatMap(({ folder, manifest }) =>
      dependenciesOf(manifest)
        .filter(([name, version]) => version !== (name.startsWith("@mailfleet/") ? "workspace:*" : "catalog:"))
        .map(([name, version]) => `${folder}: ${name} ${version}`),
    );
    expect(strays).toEqual([]);
  });
});

describe("a package", () => {
  it("has one public face, src/index.ts, and every other entry it names exists", () => {
    expect(folders(packages.filter(({ manifest }) => manifest.exports?.["."] !== "./src/index.ts"))).toEqual([]);
    const entries = packages.flatMap(({ folder, manifest }) =>
      Object.values(manifest.exports ?? {}).map((entry) => join(folder, entry)),
    );
    expect(entries.filter((entry) => !exists(entry))).toEqual([]);
  });

  it.each(["blob-store", "mail-source", "mail-transport", "token-providers", "vault"])(
    "gives its vendors the same anatomy, a factory each and one file that reads the vendor's failures: %s",
    (name) => {
      const inside = fleet.filter(({ path }) => path.startsWith(`packages/${name}/src/`));
      const factories = inside.filter(({ path }) => /\/src\/[^/]+\/create-[^/]+\.ts$/.test(path));
      const vendors = [...new Set(factories.map(({ path }) => dirname(path)))];
      expect(vendors).not.toEqual([]);
      const speaks = (vendor: string) =>
        inside.some(({ path, text }) => dirname(path) === vendor && importsOf(text).some(isForeign));
      expect(vendors.filter((vendor) => speaks(vendor) && !exists(`${vendor}/to-operational-error.ts`))).toEqual([]);
    },
  );

  it("lets only tests reach for the testkit", () => {
    expect(paths(fleet.filter(({ text }) => imports(text, ["@mailfleet/testkit"])))).toEqual([]);
    const shipping = [...packages, ...apps].filter(({ manifest }) => manifest.dependencies?.["@mailfleet/testkit"]);
    expect(folders(shipping)).toEqual([]);
  });
});

describe("an app", () => {
  it("is a parts list of at most 60 lines beside one reader of the environment", () => {
    for (const { folder } of apps) {
      expect(linesOf(readText(`${folder}/src/main.ts`)), folder).toBeLessThanOrEqual(60);
      expect(exists(`${folder}/src/config.ts`), folder).toBe(true);
    }
    const readers = fleet.filter(({ path, text }) => path.startsWith("apps/") && text.includes("process.env"));
    expect(paths(readers).filter((path) => basename(path) !== "config.ts")).toEqual([]);
  });
});

describe("a library stays behind the package that owns it", () => {
  it.each([
    { libraries: ["bullmq", "ioredis", "pg"], owners: ["packages/queue/"] },
    { libraries: ["drizzle-orm", "postgres"], owners: ["packages/database/"] },
    { libraries: ["imapflow"], owners: ["packages/mail-source/"] },
    { libraries: ["nodemailer"], owners: ["packages/mail-transport/", "packages/mail-content/"] },
    { libraries: ["@aws-sdk"], owners: ["packages/vault/"] },
    { libraries: ["@cedar-policy"], owners: ["packages/gate/"] },
    { libraries: ["jose"], owners: ["packages/gate/", "packages/mailbox-binding/"] },
  ])("$libraries: $owners", ({ libraries, owners }) => {
    const users = paths(fleet.filter(({ text }) => imports(text, libraries)));
    expect(users).not.toEqual([]);
    expect(users.filter((path) => !owners.some((owner) => path.startsWith(owner)))).toEqual([]);
  });
});

describe("every source file", () => {
  it("has at most 400 lines", () => {
    expect(paths(sources.filter(({ text }) => linesOf(text) > 400))).toEqual([]);
  });

  it("names what it exports: the list is what a reviewer reads", () => {
    expect(paths(sources.filter(({ text }) => /^export \*/m.test(text)))).toEqual([]);
  });

  it("has a kebab-case name that says what is in it", () => {
    const undecided = /^(utils?|common|helpers?|manager|misc|shared|service)$/;
    const parts = (path: string) => path.split("/").map((part) => part.replace(/\..+$/, ""));
    const named = (part: string) => /^(__fixtures__|[a-z0-9]+(-[a-z0-9]+)*)$/.test(part) && !undecided.test(part);
    expect(paths(sources).filter((path) => !parts(path).every(named))).toEqual([]);
  });
});

describe("what is written", () => {
  const documents = listFiles("md").map((path) => ({ path, text: readText(path) }));

  it("names no folder of anyone's machine", () => {
    const machine = /(^|[^\w.}])\/(home|root|work)\//m;
    const written = [
      ...sources,
      ...["md", "json", "yaml", "yml", "sql", "cedar"]
        .flatMap(listFiles)
        .map((path) => ({ path, text: readText(path) })),
    ];
    const self = "tooling/structure.test.ts";
    expect(paths(written.filter(({ path, text }) => path !== self && machine.test(text)))).toEqual([]);
  });

  it("points at files that exist", () => {
    const dead = documents.flatMap(({ path, text }) => {
      const named = [...text.matchAll(/`((?:apps|packages|tests|demo|bench|docs|infra|tooling)\/[\w./-]+)`/g)];
      const linked = [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)];
      const targets = [...named.map(([, to = ""]) => to), ...linked.map(([, to = ""]) => join(dirname(path), to))];
      return targets.filter((to) => !exists(to)).map((to) => `${path}: ${to}`);
    });
    expect(dead).toEqual([]);
  });

  it("keeps decisions in one form: status, date, what was considered, what it costs, and what confirms it", () => {
    const decisions = documents.filter(({ path }) => path.startsWith("docs/decisions/"));
    expect(decisions.length).toBeGreaterThan(5);
    for (const { path, text } of decisions) {
      expect(path).toMatch(/\/\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md$/);
      expect(text, path).toMatch(/^---\nstatus: (accepted|superseded by \S+)\ndate: \d{4}-\d{2}-\d{2}\n---\n# .+/);
      const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
      expect(headings, path).toEqual(["Context", "Considered options", "Decision", "Consequences", "Confirmation"]);
      expect(text, path).toMatch(/^\* Bad:/m);
    }
  });
});

/** Whether an import leads out of the project: to a vendor's library, or to Node's own way onto the network. */
function isForeign(specifier: string): boolean {
  if (/^node:(net|tls|http|https|http2|dns)/.test(specifier)) return true;
  return !/^(\.|node:|@mailfleet\/|zod$)/.test(specifier);
}

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createSigningKey, issueActorToken, processActor } from "@mailfleet/gate";
import { type TemporaryFolder, temporaryFolder } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSendWorld, type SendingTenant, type SendWorld } from "./send-world.ts";

const packageFolder = join(import.meta.dirname, "..");
const root = join(packageFolder, "../..");

/** What a stranger's program looks like: JavaScript, plain strings, nothing of this workspace. */
const program = `
import { openSendClient } from "@mailfleet/client";
const { DATABASE_URL, BLOB_ROOT, KEY_FILE, TOKEN, MAILBOX_ID } = process.env;
const key = { kind: "local-key-file", keyFile: KEY_FILE };
const client = await openSendClient({ databaseUrl: DATABASE_URL, blobRoot: BLOB_ROOT, key, token: TOKEN });
const request = { mailboxId: MAILBOX_ID, idempotencyKey: "order-1", to: [{ name: null, address: "ada@customer.example" }], subject: "Hi", text: "Hi." };
const first = await client.enqueueSend(request);
const again = await client.enqueueSend(request);
const waited = await client.waitFor(first.submissionId, { msMax: 50 });
const ended = await client.cancel(first.submissionId);
const { state } = await client.getSubmission(first.submissionId);
const refused = await client.enqueueSend({ ...request, to: [] }).catch((error) => error.code);
await client.close();
console.log(JSON.stringify({ first: first.state, repeated: again.repeated, settled: waited.settled, ended, state, refused }));
`;

/** The same seen by a compiler: a wrong field must not pass. */
const typed = `
import { openSendClient, type Receipt } from "@mailfleet/client";
const key = { kind: "local-key-file", keyFile: "" } as const;
const client = await openSendClient({ databaseUrl: "", blobRoot: "", key, token: "" });
export const receipt: Receipt = await client.enqueueSend({ mailboxId: "", idempotencyKey: "", text: "" });
// @ts-expect-error there is no such field
await client.enqueueSend({ mailboxId: "", idempotencyKey: "", text: "", body: "" });
`;

let world: SendWorld;
let acme: SendingTenant;
let folder: TemporaryFolder;

beforeAll(async () => {
  world = await openSendWorld();
  acme = await world.addTenant("acme");
  folder = await temporaryFolder("packed");
  installPacked(folder.path);
}, 60_000);
afterAll(async () => {
  await world?.close();
  await folder?.close();
});

/** Packs and unpacks as npm does; what the package depends on is linked, because a test asks no registry. */
function installPacked(consumer: string): void {
  const dist = join(consumer, "dist");
  execFileSync(process.execPath, [join(packageFolder, "build/build-package.ts"), dist], { stdio: "pipe" });
  execFileSync("npm", ["pack", dist, "--pack-destination", consumer], { cwd: consumer, stdio: "pipe" });
  const unpacked = join(consumer, "node_modules/@mailfleet/client");
  mkdirSync(unpacked, { recursive: true });
  const tarball = join(consumer, "mailfleet-client-0.0.0.tgz");
  execFileSync("tar", ["-xzf", tarball, "-C", unpacked, "--strip-components=1"]);
  const manifest = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")) as { dependencies: object };
  for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) link(consumer, name);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ type: "module" }));
}

function link(consumer: string, name: string): void {
  const users = readdirSync(join(root, "packages")).map((user) => join(root, "packages", user, "package.json"));
  const places = [join(root, "package.json"), ...users].flatMap(
    (from) => createRequire(from).resolve.paths(name) ?? [],
  );
  const found = places.map((place) => join(place, name)).find((path) => exists(path));
  if (found === undefined) throw new Error(`${name} is not installed`);
  const target = join(consumer, "node_modules", name);
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(realpathSync(found), target);
}

function exists(path: string): boolean {
  try {
    return realpathSync(path) !== "";
  } catch {
    return false;
  }
}

async function issueToken(): Promise<string> {
  const grant = await world.gate.authorize({ actor: processActor("cli"), action: "fleet.sign", resource: {} });
  const key = await createSigningKey();
  const sealedPrivate = new Uint8Array(1); // nobody opens it here
  await world.database.signingKeys.insert(grant, { kid: key.kid, publicJwk: key.publicJwk, sealedPrivate });
  const { id, tenantId } = acme.agent;
  const actor = { id, kind: "agent", tenantId, actions: null, mailboxIds: null } as const;
  return issueActorToken({ key, actor, expiresAt: new Date(Date.now() + 3_600_000) });
}

describe("the packed client, outside this workspace", () => {
  it("sends, waits, cancels and reads from plain JavaScript", async () => {
    writeFileSync(join(folder.path, "program.mjs"), program);
    const env = {
      DATABASE_URL: world.url,
      KEY_FILE: world.keyFile,
      BLOB_ROOT: world.blobRoot,
      TOKEN: await issueToken(),
      MAILBOX_ID: acme.mailboxId,
    };
    const written = execFileSync(process.execPath, ["program.mjs"], { cwd: folder.path, env, encoding: "utf8" });
    expect(JSON.parse(written)).toEqual({
      ...{ first: "accepted", repeated: true, settled: false, refused: "contract.violated" },
      ...{ ended: { cancelled: true, state: "cancelled" }, state: "cancelled" },
    });
  });

  it("has types that a compiler takes, and that refuse what is no field", () => {
    writeFileSync(join(folder.path, "typed.ts"), typed);
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      "--skipLibCheck",
      "typed.ts",
    ];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [compiler, ...options], { cwd: folder.path, stdio: "pipe" });
  });

  it("names no file or package of this workspace", () => {
    const code = readFileSync(join(folder.path, "dist/lib/index.js"), "utf8");
    expect(code).not.toMatch(/from "@mailfleet\//);
  });
});

import { chmod, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { describeKeyManagement } from "@mailfleet/testkit";
import { type TemporaryFolder, temporaryFolder } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLocalKeyFile } from "./create-local-key-file.ts";
import { createLocalKeyManagement } from "./create-local-key-management.ts";

describeKeyManagement("createLocalKeyManagement", async () => {
  const folder = await temporaryFolder("key-file");
  const [ours, another] = [join(folder.path, "ours.key"), join(folder.path, "another.key")];
  await createLocalKeyFile(ours);
  await createLocalKeyFile(another);
  return {
    open: () => createLocalKeyManagement({ keyFile: ours }),
    openAnother: () => createLocalKeyManagement({ keyFile: another }),
    close: () => folder.close(),
  };
});

describe("the key file", () => {
  let folder: TemporaryFolder;
  let count = 0;
  const path = () => join(folder.path, `${count++}.key`);
  const isRefused = (keyFile: string, message: RegExp) =>
    expect(createLocalKeyManagement({ keyFile })).rejects.toMatchObject({
      code: "key.unavailable",
      message: expect.stringMatching(message),
    });
  beforeAll(async () => {
    folder = await temporaryFolder("key-file");
  });
  afterAll(() => folder.close());

  it("is readable by its owner only, whatever the umask, and leaves nothing else behind", async () => {
    const own = await temporaryFolder("key-file");
    const umask = process.umask(0);
    try {
      await createLocalKeyFile(join(own.path, "wrapping.key"));
      expect((await stat(join(own.path, "wrapping.key"))).mode & 0o777).toBe(0o600);
      expect(await readdir(own.path)).toEqual(["wrapping.key"]);
    } finally {
      process.umask(umask);
      await own.close();
    }
  });

  it("is named by a fingerprint that new data keys carry", async () => {
    const keyFile = path();
    const { keyId } = await createLocalKeyFile(keyFile);
    const management = await createLocalKeyManagement({ keyFile });
    const context = { owner: "fleet", purpose: "signing", version: 1 } as const;
    const { wrapped } = await management.createDataKey(context, { signal: new AbortController().signal });
    expect(wrapped.keyId).toBe(keyId);
    expect(keyId).toMatch(/^local:[0-9a-f]{16}$/);
  });

  it("is never written over", async () => {
    const keyFile = path();
    await createLocalKeyFile(keyFile);
    const before = await readFile(keyFile, "utf8");
    await expect(createLocalKeyFile(keyFile)).rejects.toMatchObject({ code: "resource.conflicting" });
    expect(await readFile(keyFile, "utf8")).toBe(before);
  });

  it("is made once when two make it at the same time", async () => {
    const keyFile = path();
    const made = await Promise.allSettled(Array.from({ length: 8 }, () => createLocalKeyFile(keyFile)));
    const won = made.filter((outcome) => outcome.status === "fulfilled");
    expect(won).toHaveLength(1);
    await expect(createLocalKeyManagement({ keyFile })).resolves.toBeDefined();
  });

  it.each(["640", "604", "644", "620", "666"])("is refused with mode %s, with what to do", async (mode) => {
    const keyFile = path();
    await createLocalKeyFile(keyFile);
    await chmod(keyFile, Number.parseInt(mode, 8));
    await isRefused(keyFile, /others may read or change .* chmod 600 /);
  });

  it("may be reached through a link, and the file behind it is what is judged", async () => {
    const [keyFile, link] = [path(), path()];
    await createLocalKeyFile(keyFile);
    await symlink(keyFile, link);
    await expect(createLocalKeyManagement({ keyFile: link })).resolves.toBeDefined();
    await chmod(keyFile, 0o644);
    await isRefused(link, /chmod 600/);
  });

  it.each([
    ["nothing", ""],
    ["31 bytes", Buffer.alloc(31, 7).toString("base64")],
    ["33 bytes", Buffer.alloc(33, 7).toString("base64")],
    ["another alphabet", Buffer.alloc(32, 255).toString("base64url")],
    ["hexadecimal", Buffer.alloc(32, 7).toString("hex")],
    ["two keys", `${Buffer.alloc(32, 7).toString("base64")}\n${Buffer.alloc(32, 8).toString("base64")}\n`],
  ])("is refused when it holds %s, and its content is not repeated", async (_, text) => {
    const keyFile = path();
    await writeFile(keyFile, text, { mode: 0o600 });
    await isRefused(keyFile, /does not hold 32 bytes in base64/);
    const failure = await createLocalKeyManagement({ keyFile }).catch((error: unknown) => error);
    if (text !== "") expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(text.slice(0, 12));
  });

  it("says what to do when it is absent, or a folder", async () => {
    await isRefused(path(), /there is no such file/);
    await chmod(folder.path, 0o700);
    await isRefused(folder.path, /does not hold 32 bytes/);
  });
});

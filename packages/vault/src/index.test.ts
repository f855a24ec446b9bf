import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

/** Whether a fresh process that imports `entry` has loaded the AWS SDK by then. */
async function loadsSdk(entry: string): Promise<boolean> {
  const url = new URL(entry, import.meta.url).href;
  const script = `await import(${JSON.stringify(url)});
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(loaded.some((path) => path.includes("client-kms")));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(stdout) as boolean;
}

describe("the package's entries", () => {
  it("load the AWS SDK only for who asks for AWS KMS", async () => {
    expect(await Promise.all([loadsSdk("./index.ts"), loadsSdk("./aws-kms/index.ts")])).toEqual([false, true]);
  });
});

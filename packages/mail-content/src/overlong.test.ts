import { Buffer } from "node:buffer";
import { expect, it } from "vitest";
import { inspectMessage } from "./inspect-message.ts";
import { overlongPassing } from "./overlong.ts";

const field = `X-Long: ${"x".repeat(990)}\r\n`;
const samples = [
  ["headers without an end", Buffer.from(field.repeat(1_100)), "headers-too-large"],
  ["headers that end behind their limit", Buffer.from(`${field.repeat(1_100)}\r\nbody`), "headers-too-large"],
  ["headers that end before it", Buffer.from(`${field}\r\n${"body\r\n".repeat(200_000)}`), "too-large"],
] as const;

it.each(samples)("%s name their limit, held or passing in pieces", async (_, raw, reason) => {
  async function* pieces() {
    for (let at = 0; at < raw.length; at += 100_003) yield raw.subarray(at, at + 100_003);
  }
  const passing = overlongPassing(pieces());
  expect(Buffer.concat(await Array.fromAsync(passing.bytes))).toEqual(raw);
  expect(passing.reason()).toBe(reason);
  expect(inspectMessage(raw, { limits: { rawBytesMax: 1_000_000 } }).warnings).toContain(`unparsed.${reason}`);
});

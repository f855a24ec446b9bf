import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

/** A word that is nowhere else, to be looked for where it must not be. */
export function newCanary(name: string): string {
  return `canary-${name}-${randomBytes(8).toString("hex")}`;
}

/** As it is, in hexadecimal, and in base64 at each of the three places where it may begin. */
function disguises(canary: string): readonly string[] {
  const bytes = Buffer.from(canary);
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return text.slice(offset + 1, -1); // without the characters that share bits with what stands beside it
  });
  return [canary, bytes.toString("hex"), ...base64];
}

/** The names of the canaries that a text holds, in whatever disguise. */
export function canariesIn(text: string, canaries: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(canaries)
    .filter(([, canary]) => disguises(canary).some((disguise) => text.includes(disguise)))
    .map(([name]) => name);
}

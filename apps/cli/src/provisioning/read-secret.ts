import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { Secret } from "@mailfleet/domain";
import { PasswordMaterial } from "@mailfleet/token-providers";
import type { SecretSource } from "./tenants-file.ts";

/** Where the secrets of a tenants file are looked for. */
export type SecretPlaces = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Relative files are found from here: the folder of the tenants file. */
  readonly folder: string;
};

const secretBytesMax = 65_536;

/** The secret, or why there is none; one line break at its end is not part of it. Says neither value nor name: whoever takes the one for the other wrote the secret there. */
export function readSecret(
  source: SecretSource,
  { environment, folder }: SecretPlaces,
  form: "password" | "text" = "password",
): Secret | string {
  const checked = form === "password" ? asPassword : Secret.of;
  if ("env" in source) {
    const value = environment[source.env];
    return value ? checked(value) : "the environment variable it names is not set or empty";
  }
  try {
    const path = resolve(folder, source.file);
    if (statSync(path).size > secretBytesMax) return `the secret's file is larger than ${secretBytesMax} bytes`;
    const value = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    return value ? checked(value) : "the secret's file is empty";
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return `the secret's file cannot be read (${code})`;
  }
}

function asPassword(value: string): Secret | string {
  const { success } = PasswordMaterial.shape.password.safeParse(value);
  return success ? Secret.of(value) : "the secret is longer than a password can be, or contains a NUL";
}

import type { Secret } from "@mailfleet/domain";
import type { Options } from "../command-line.ts";
import type { Variables } from "../config.ts";
import { UsageError } from "../faults.ts";
import { readSecret } from "../provisioning/read-secret.ts";
import type { NewMaterial } from "./next-form.ts";

type Source = { readonly file: string | undefined; readonly env: string | undefined };

export type RotateOptions = Options & {
  readonly passwordFile?: string;
  readonly passwordEnv?: string;
  readonly refreshTokenFile?: string;
  readonly refreshTokenEnv?: string;
  readonly keyFile?: string;
  readonly keyEnv?: string;
  readonly app?: string;
  readonly user?: string;
};

/** @throws UsageError unless the options name one new secret, where it is, and nothing that does not go with it */
export function readNewMaterial(options: RotateOptions, variables: Variables): NewMaterial {
  const { app, user } = options;
  const sources = {
    password: { file: options.passwordFile, env: options.passwordEnv },
    "refresh token": { file: options.refreshTokenFile, env: options.refreshTokenEnv },
    "service account key": { file: options.keyFile, env: options.keyEnv },
  };
  const named = Object.values(sources).flatMap(({ file, env }) => [file, env].filter((place) => place !== undefined));
  if (named.length > 1 || (named.length === 0 && app === undefined)) {
    throw new UsageError(
      "name one place of one new secret, or a provider app",
      "Use --password-file, --refresh-token-file or --key-file FILE, the same with -env NAME, or --app NAME.",
    );
  }
  if (user !== undefined && !isNamed(sources.password)) throw besides("--user", "a password");
  if (isNamed(sources.password)) {
    if (app !== undefined) throw besides("--app", "a refresh token, or alone");
    return { kind: "password", password: read("password", sources.password, variables), user };
  }
  if (isNamed(sources["refresh token"])) {
    return { kind: "refresh-token", refreshToken: read("refresh token", sources["refresh token"], variables), app };
  }
  if (isNamed(sources["service account key"])) {
    if (app !== undefined) throw besides("--app", "a refresh token, or alone");
    return {
      kind: "service-account-key",
      key: read("service account key", sources["service account key"], variables),
    };
  }
  return { kind: "app", app: app ?? "" };
}

function isNamed({ file, env }: Source): boolean {
  return file !== undefined || env !== undefined;
}

function besides(option: string, what: string): UsageError {
  return new UsageError(`${option} goes with ${what}`, "Leave it out.");
}

function read(what: string, { file, env }: Source, environment: Variables): Secret {
  const source = file === undefined ? { env: env ?? "" } : { file };
  const secret = readSecret(source, { environment, folder: "." }, what === "password" ? "password" : "text");
  if (typeof secret === "string")
    throw new UsageError(`the new ${what} cannot be read: ${secret}`, "Correct the option.");
  return secret;
}

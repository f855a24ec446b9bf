import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigurationError } from "./configuration-error.ts";
import { describeEnvironment } from "./describe-environment.ts";
import { cidrList } from "./network/parse-cidrs.ts";
import { readEnvironment } from "./read-environment.ts";
import { secret, secretText } from "./secret-schema.ts";

const schema = z.object({
  DATABASE_URL: secret(z.url({ protocol: /^postgres$/ })).meta({ description: "Holds every fact." }),
  SIGNING_KEY: secretText().optional(),
  POLL_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(50).describe("Polls at once."),
  RATIO: z.coerce.number().min(0).optional(),
  REGION: z.string().optional(),
  MODE: z.enum(["fast", "safe"]).default("safe"),
  VERBOSE: z.stringbool().default(false),
  RANGES: cidrList().meta({ description: "Opened." }),
});
const valid = { DATABASE_URL: "postgres://user:canary@host/db" };

function faultsOf(environment: Record<string, string>, given: z.ZodObject = schema): readonly string[] {
  try {
    readEnvironment(given, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

describe("readEnvironment", () => {
  it("gives typed values, defaults for what is unset, and secrets wrapped", () => {
    const env = readEnvironment(schema, {
      ...valid,
      POLL_CONCURRENCY: "7",
      VERBOSE: "true",
      RANGES: "10.0.0.0/8",
      OTHER: "x",
    });
    const { DATABASE_URL, ...rest } = env;
    expect(rest).toEqual({ POLL_CONCURRENCY: 7, MODE: "safe", VERBOSE: true, RANGES: ["10.0.0.0/8"] });
    expect(DATABASE_URL.reveal()).toBe(valid.DATABASE_URL);
    expect(inspect(env) + JSON.stringify(env)).not.toContain("canary");
  });

  it("takes an empty variable for an unset one", () => {
    const env = readEnvironment(schema, {
      ...valid,
      POLL_CONCURRENCY: "",
      REGION: "",
      SIGNING_KEY: "",
      SIGNING_KEY_FILE: "",
    });
    expect(env).toMatchObject({ POLL_CONCURRENCY: 50 });
    expect(env.REGION).toBeUndefined();
    expect(env.SIGNING_KEY).toBeUndefined();
  });

  it("reports every fault at once, what was expected, and no value", () => {
    const environment = {
      POLL_CONCURRENCY: "canary",
      RATIO: "-3131",
      MODE: "canary",
      VERBOSE: "canary",
      RANGES: "canary",
    };
    const faults = faultsOf(environment);
    expect(faults).toEqual([
      "DATABASE_URL: is not set; expected URL (secret). Holds every fact.",
      "POLL_CONCURRENCY: expected whole number, 1 to 500. Polls at once.",
      "RATIO: expected number, 0 or more",
      "MODE: expected one of fast, safe",
      "VERBOSE: expected true or false",
      "RANGES: entry 1 has no prefix length; write 10.1.2.3/32 for one address",
    ]);
    const error = new ConfigurationError(faults);
    expect(error.message.split("\n")).toHaveLength(7);
    expect(inspect(error)).not.toMatch(/canary|3131/);
  });

  it("reports a rule that spans two names in the rule's own words", () => {
    const rule = schema.refine(({ REGION }) => REGION !== undefined, { error: "REGION, MODE: set both" });
    expect(faultsOf(valid, rule)).toEqual(["REGION, MODE: set both"]);
  });
});

describe("a secret in a file", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mailfleet-environment-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it("is read without the newline at its end", () => {
    const { DATABASE_URL, SIGNING_KEY } = readEnvironment(schema, {
      DATABASE_URL_FILE: file("url", `${valid.DATABASE_URL}\n`),
      SIGNING_KEY_FILE: file("key", "two\nlines\r\n"),
    });
    expect(DATABASE_URL.reveal()).toBe(valid.DATABASE_URL);
    expect(SIGNING_KEY?.reveal()).toBe("two\nlines");
  });

  it("is a fault beside the variable itself, when it cannot be read, and when it is empty", () => {
    expect(faultsOf({ ...valid, DATABASE_URL_FILE: file("both", "postgres://x") })).toEqual([
      "DATABASE_URL: set it or DATABASE_URL_FILE, not both",
    ]);
    const [missing] = faultsOf({ DATABASE_URL_FILE: join(folder, "missing-canary") });
    expect(missing).toBe("DATABASE_URL_FILE: names a file that cannot be read (ENOENT)");
    expect(faultsOf({ ...valid, SIGNING_KEY_FILE: file("empty", "\n") })).toEqual([
      "SIGNING_KEY: expected secret text",
    ]);
  });

  it("is not looked for where the variable is no secret", () => {
    expect(readEnvironment(schema, { ...valid, REGION_FILE: "/etc/hostname" }).REGION).toBeUndefined();
  });
});

describe("describeEnvironment", () => {
  it("tells each variable's name, type, default and meaning, and which are secret", () => {
    const rows = describeEnvironment(schema).map(({ name, type, required, default: value, secret: isSecret }) =>
      [name, type, required ? "required" : value, isSecret].join(" | "),
    );
    expect(rows).toEqual([
      "DATABASE_URL | URL (secret) | required | true",
      "SIGNING_KEY | secret text |  | true",
      "POLL_CONCURRENCY | whole number, 1 to 500 | 50 | false",
      "RATIO | number, 0 or more |  | false",
      "REGION | text |  | false",
      "MODE | one of fast, safe | safe | false",
      "VERBOSE | true or false | false | false",
      "RANGES | CIDR ranges, parted by commas |  | false",
    ]);
    expect(describeEnvironment(schema)[0]?.description).toBe("Holds every fact.");
  });
});

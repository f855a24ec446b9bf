import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ConfigurationError } from "./configuration-error.ts";
import { describeEnvironment } from "./describe-environment.ts";
import { chooseKey, keyVariables, workerConfig, workerEnvironment } from "./fleet-variables.ts";
import { readEnvironment } from "./read-environment.ts";

const all = workerEnvironment({ OWN: z.string().optional().meta({ description: "This worker's own." }) });
const needed = { DATABASE_URL: "postgres://u:p@h/d", BLOB_ROOT: "/srv/blobs", KMS_LOCAL_KEY_FILE: "/k" };

describe("the variables that processes share", () => {
  it("keeps every URL that carries a login secret, and describes every variable", () => {
    const variables = describeEnvironment(all);
    expect(variables.filter(({ secret }) => secret).map(({ name }) => name)).toEqual(["DATABASE_URL", "QUEUE_URL"]);
    expect(variables.filter(({ description }) => description === "")).toEqual([]);
    expect(variables.filter(({ required }) => required).map(({ name }) => name)).toEqual(["DATABASE_URL", "BLOB_ROOT"]);
  });

  it("has no private range open, and serves no port, unless told", () => {
    const env = readEnvironment(all, needed);
    expect(env.NETWORK_ALLOW_PRIVATE).toEqual([]);
    expect(env.HEALTH_PORT).toBeUndefined();
  });

  it("refuses a queue on anything but Redis or PostgreSQL", () => {
    expect(() => readEnvironment(all, { ...needed, QUEUE_URL: "amqp://h" })).toThrow(
      "QUEUE_URL: expected URL (secret)",
    );
  });

  it.each([
    [{ KMS_LOCAL_KEY_FILE: "/k" }, "local-key-file"],
    [{ KMS_KEY_ID: "alias/x", KMS_REGION: "eu-west-1" }, "aws-kms"],
  ])("chooses the key that %j names", (variables, kind) => {
    expect(chooseKey(readEnvironment(z.object(keyVariables), variables)).kind).toBe(kind);
  });

  it.each([{}, { KMS_LOCAL_KEY_FILE: "/k", KMS_KEY_ID: "x" }, { KMS_KEY_ID: "x" }])(
    "refuses %j as a choice of key",
    (variables) => {
      expect(() => chooseKey(readEnvironment(z.object(keyVariables), variables))).toThrow("The configuration is wrong");
    },
  );

  it("tells every fault of a worker at once, the choice of key and an unreadable authority among them", () => {
    const wrong = { BLOB_ROOT: "/srv/blobs", TLS_CA_FILE: "/nowhere/ca.pem", HEALTH_PORT: "http" };
    const faults = (() => {
      try {
        readEnvironment(all, wrong);
        return [];
      } catch (error) {
        return (error as ConfigurationError).faults.map((fault) => fault.split(":")[0]);
      }
    })();
    expect(faults).toEqual(["DATABASE_URL", "TLS_CA_FILE", "HEALTH_PORT", "KMS_LOCAL_KEY_FILE, KMS_KEY_ID"]);
  });

  it("hands the queue to PostgreSQL when no other is named", () => {
    const config = workerConfig(readEnvironment(all, needed), "test");
    expect(config).toMatchObject({ queue: { url: needed.DATABASE_URL }, key: { kind: "local-key-file" }, tls: {} });
  });
});

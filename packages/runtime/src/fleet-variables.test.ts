import { describe, expect, it } from "vitest";
import { z } from "zod";
import { describeEnvironment } from "./describe-environment.ts";
import {
  blobVariables,
  chooseKey,
  databaseVariables,
  healthVariables,
  keyVariables,
  logLevel,
  networkVariables,
  queueVariables,
} from "./fleet-variables.ts";
import { readEnvironment } from "./read-environment.ts";

const all = z.object({
  ...databaseVariables,
  ...queueVariables,
  ...keyVariables,
  ...blobVariables,
  ...networkVariables,
  ...healthVariables,
  LOG_LEVEL: logLevel,
});
const needed = { DATABASE_URL: "postgres://u:p@h/d", BLOB_ROOT: "/srv/blobs" };

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
});

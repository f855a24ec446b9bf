import { inspect } from "node:util";
import { type KeyContext, newId, OperationalError, TenantId } from "@mailfleet/domain";
import { describeKeyManagement } from "@mailfleet/testkit";
import { type KmsServer, startKmsServer } from "@mailfleet/testkit/servers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type AwsKeyManagement, createAwsKeyManagement } from "./create-aws-key-management.ts";

const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "example" };
const never = { signal: new AbortController().signal };
const context: KeyContext = { owner: newId(TenantId), purpose: "credentials", version: 7 };

function open({ endpoint, region }: KmsServer, keyId: string, attemptMsMax = 5_000): AwsKeyManagement {
  return createAwsKeyManagement({ keyId, endpoint, region, credentials, attemptMsMax });
}

describeKeyManagement("createAwsKeyManagement", async () => {
  const kms = await startKmsServer();
  kms.createKey("alias/ours");
  const another = kms.createKey();
  const opened: AwsKeyManagement[] = [];
  const opening = async (keyId: string) => {
    const management = open(kms, keyId);
    opened.push(management);
    return management;
  };
  return {
    open: () => opening("alias/ours"),
    openAnother: () => opening(another),
    async close() {
      await Promise.all(opened.map((management) => management.close()));
      await kms.close();
    },
  };
});

describe("createAwsKeyManagement and the service", () => {
  let kms: KmsServer;
  let keyArn: string;
  let keys: AwsKeyManagement;
  beforeAll(async () => {
    kms = await startKmsServer();
    keyArn = kms.createKey("alias/mailfleet");
    keys = open(kms, "alias/mailfleet");
  });
  afterEach(() => kms.setEnabled(keyArn, true));
  afterAll(async () => {
    await keys.close();
    await kms.close();
  });

  it("sends tenant, purpose and version as encryption context, and stores the ARN behind the alias", async () => {
    const { wrapped } = await keys.createDataKey(context, never);
    await keys.unwrap(wrapped, context, never);
    const expected = { tenant: context.owner, purpose: "credentials", version: "7" };
    expect(kms.requests.slice(-2)).toEqual([
      { operation: "GenerateDataKey", context: expected },
      { operation: "Decrypt", context: expected },
    ]);
    expect(wrapped.keyId).toBe(keyArn);
  });

  it("still opens what the former key wrapped, after the fleet went over to another", async () => {
    const { plaintext, wrapped } = await keys.createDataKey(context, never);
    const later = open(kms, kms.createKey());
    expect(await later.unwrap(wrapped, context, never)).toEqual(plaintext);
    await later.close();
  });

  it("tries again by itself when it is throttled for a moment", async () => {
    kms.fail({ status: 400, type: "ThrottlingException" }, 2);
    await expect(keys.createDataKey(context, never)).resolves.toBeDefined();
  });

  it.each([
    [400, "ThrottlingException", /higher quota/],
    [500, "KMSInternalException", /HTTP 500/],
    [500, "DependencyTimeoutException", /HTTP 500/],
    [500, "KeyUnavailableException", /HTTP 500/],
    [503, "ServiceUnavailable", /HTTP 503/],
    [400, "AccessDeniedException", /allow kms:GenerateDataKey and kms:Decrypt/],
    [400, "KMSInvalidStateException", /cancel the deletion/],
    [400, "ExpiredTokenException", /credentials/],
  ])("says key.unavailable, and what an operator can do, for %i %s", async (status, type, message) => {
    const { wrapped } = await keys.createDataKey(context, never);
    for (const ask of [() => keys.createDataKey(context, never), () => keys.unwrap(wrapped, context, never)]) {
      kms.fail({ status, type }, 3);
      await expect(ask()).rejects.toMatchObject({ code: "key.unavailable", message: expect.stringMatching(message) });
      await untilServed(keys);
    }
  });

  it("says key.unavailable for a disabled key, and opens again once it is enabled", async () => {
    const { plaintext, wrapped } = await keys.createDataKey(context, never);
    kms.setEnabled(keyArn, false);
    const failure = { code: "key.unavailable", message: expect.stringContaining("enable it") };
    await expect(keys.unwrap(wrapped, context, never)).rejects.toMatchObject(failure);
    kms.setEnabled(keyArn, true);
    expect(await keys.unwrap(wrapped, context, never)).toEqual(plaintext);
  });

  it("says key.unavailable for a configured key that is not there, and for a stored one that is gone", async () => {
    const missing = keyArn.replace(/.{4}$/, "0000");
    const misled = open(kms, missing);
    const failure = { code: "key.unavailable", message: expect.stringContaining("no such key") };
    await expect(misled.createDataKey(context, never)).rejects.toMatchObject(failure);
    const { wrapped } = await keys.createDataKey(context, never);
    await expect(keys.unwrap({ ...wrapped, keyId: missing }, context, never)).rejects.toMatchObject(failure);
    await misled.close();
  });

  it("says key.unavailable when nothing listens, and when nothing is answered in time", async () => {
    const gone = await startKmsServer();
    const deaf = open(gone, gone.createKey(), 50);
    const stalled = gone.stall();
    const waiting = deaf.createDataKey(context, never);
    await stalled;
    await expect(waiting).rejects.toMatchObject({ code: "key.unavailable" });
    await gone.close();
    await expect(deaf.createDataKey(context, never)).rejects.toMatchObject({ code: "key.unavailable" });
    await deaf.close();
  });

  it("lets a caller leave in the middle of a request", async () => {
    const leave = new AbortController();
    const arrived = kms.stall();
    const waiting = keys.createDataKey(context, { signal: leave.signal });
    await arrived;
    const reason = new Error("the caller left");
    leave.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    kms.resume();
  });

  it("repeats nothing of an answer that does not parse: a data key may stand in it", async () => {
    const { createServer } = await import("node:http");
    const { once } = await import("node:events");
    const planted = Buffer.alloc(32, "planted-key").toString("base64");
    const server = createServer((_, response) => response.end(`{"Plaintext":"${planted}",,}`)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const broken = createAwsKeyManagement({
      keyId: "k",
      region: "eu-central-1",
      endpoint: `http://127.0.0.1:${port}`,
      credentials,
    });
    const failure: unknown = await broken.createDataKey(context, never).catch((error: unknown) => error);
    await broken.close();
    server.closeAllConnections();
    server.close();
    expect(failure).toBeInstanceOf(OperationalError);
    expect(failure).toMatchObject({ code: "key.unavailable" });
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(planted.slice(0, 8));
  });
});

/** What was told to fail and was not reached (some failures are not tried again) must not reach the next test. */
async function untilServed(keys: AwsKeyManagement): Promise<void> {
  await keys.createDataKey(context, never).catch(() => untilServed(keys));
}

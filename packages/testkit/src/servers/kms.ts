import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

const region = "eu-central-1";
const account = "111122223333";

type Key = { readonly id: string; readonly arn: string; readonly material: Buffer; enabled: boolean };
type Context = Record<string, string>;
type Request = Record<string, unknown>;

/** What KMS answered instead of doing the work: an HTTP status and the error's type, such as `ThrottlingException`. */
export type KmsFailure = { readonly status: number; readonly type: string };

export type KmsServer = {
  readonly endpoint: string;
  readonly region: string;
  /** Makes a symmetric key, known by its id, its ARN and the alias; answers its ARN. */
  createKey(alias?: `alias/${string}`): string;
  setEnabled(arn: string, enabled: boolean): void;
  /** The next `count` requests fail so. */
  fail(failure: KmsFailure, count?: number): void;
  /** Requests are taken and not answered until `resume`; returns once the next request has arrived. */
  stall(): Promise<void>;
  resume(): void;
  /** Every request so far: its operation and the encryption context it named. Never a key. */
  readonly requests: readonly { readonly operation: string; readonly context: Context }[];
  close(): Promise<void>;
};

/**
 * A key service on 127.0.0.1 that speaks AWS KMS's JSON 1.1 protocol for GenerateDataKey, Decrypt, ReEncrypt and
 * DescribeKey. As in KMS the encryption context and the key are authenticated: another context does not decrypt
 * (`InvalidCiphertextException`), another key id is `IncorrectKeyException`. Requests must be signed; the signature
 * itself is not checked.
 */
export async function startKmsServer(): Promise<KmsServer> {
  const keys: Key[] = [];
  const aliases = new Map<string, Key>();
  const requests: { operation: string; context: Context }[] = [];
  const failures: KmsFailure[] = [];
  let stalled: { arrived: PromiseWithResolvers<void>; resumed: PromiseWithResolvers<void> } | null = null;

  const server = createServer((request, response) => {
    void answer(request, response, async (operation, body) => {
      requests.push({ operation, context: contextOf(body["EncryptionContext"] ?? body["SourceEncryptionContext"]) });
      stalled?.arrived.resolve();
      await stalled?.resumed.promise;
      const failure = failures.shift();
      if (failure !== undefined) throw new KmsError(failure.type, failure.status);
      return perform(operation, body, (name) => findKey(keys, aliases, name));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");

  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    region,
    requests,
    createKey(alias) {
      const id = randomUUID();
      const key: Key = {
        id,
        arn: `arn:aws:kms:${region}:${account}:key/${id}`,
        material: randomBytes(32),
        enabled: true,
      };
      keys.push(key);
      if (alias !== undefined) aliases.set(alias, key);
      return key.arn;
    },
    setEnabled(arn, enabled) {
      findKey(keys, aliases, arn).enabled = enabled;
    },
    fail(failure, count = 1) {
      failures.push(...Array.from({ length: count }, () => failure));
    },
    stall() {
      stalled = { arrived: Promise.withResolvers(), resumed: Promise.withResolvers() };
      return stalled.arrived.promise;
    },
    resume() {
      stalled?.resumed.resolve();
      stalled = null;
    },
    async close() {
      stalled?.resumed.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class KmsError extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, status = 400, message = type) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

type Perform = (operation: string, body: Request) => Promise<Request>;

async function answer(request: IncomingMessage, response: ServerResponse, work: Perform): Promise<void> {
  let status = 200;
  let body: Request;
  try {
    const chunks = await request.toArray();
    const authorization = request.headers.authorization ?? "";
    if (!/^AWS4-HMAC-SHA256 Credential=\S+\/kms\/aws4_request/.test(authorization)) {
      throw new KmsError("MissingAuthenticationTokenException");
    }
    const operation = /^TrentService\.(\w+)$/.exec(String(request.headers["x-amz-target"]))?.[1];
    if (operation === undefined) throw new KmsError("UnknownOperationException");
    body = await work(operation, JSON.parse(Buffer.concat(chunks).toString()) as Request);
  } catch (error) {
    const known = error instanceof KmsError ? error : new KmsError("KMSInternalException", 500, String(error));
    status = known.status;
    body = { __type: known.type, message: known.message };
  }
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() });
  response.end(JSON.stringify(body));
}

function perform(operation: string, body: Request, find: (name: string) => Key): Request {
  switch (operation) {
    case "GenerateDataKey": {
      const key = usable(find(text(body, "KeyId")));
      if (body["KeySpec"] !== "AES_256") throw new KmsError("ValidationException");
      const plaintext = randomBytes(32);
      return {
        KeyId: key.arn,
        Plaintext: plaintext.toString("base64"),
        CiphertextBlob: encrypt(key, plaintext, contextOf(body["EncryptionContext"])).toString("base64"),
      };
    }
    case "Encrypt": {
      const key = usable(find(text(body, "KeyId")));
      const plaintext = Buffer.from(text(body, "Plaintext"), "base64");
      const wrapped = encrypt(key, plaintext, contextOf(body["EncryptionContext"]));
      return { KeyId: key.arn, CiphertextBlob: wrapped.toString("base64") };
    }
    case "Decrypt": {
      const named = body["KeyId"] === undefined ? undefined : find(text(body, "KeyId"));
      const { key, plaintext } = decrypt(blob(body), contextOf(body["EncryptionContext"]), named, find);
      return { KeyId: key.arn, Plaintext: plaintext.toString("base64"), EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
    }
    case "ReEncrypt": {
      const named = body["SourceKeyId"] === undefined ? undefined : find(text(body, "SourceKeyId"));
      const from = decrypt(blob(body), contextOf(body["SourceEncryptionContext"]), named, find);
      const to = usable(find(text(body, "DestinationKeyId")));
      const wrapped = encrypt(to, from.plaintext, contextOf(body["DestinationEncryptionContext"]));
      return { KeyId: to.arn, SourceKeyId: from.key.arn, CiphertextBlob: wrapped.toString("base64") };
    }
    case "DescribeKey": {
      const { id, arn, enabled } = find(text(body, "KeyId"));
      const state = enabled ? "Enabled" : "Disabled";
      return { KeyMetadata: { KeyId: id, Arn: arn, Enabled: enabled, KeyState: state, KeySpec: "SYMMETRIC_DEFAULT" } };
    }
    default:
      throw new KmsError("UnknownOperationException");
  }
}

/** Blob = key id (36 characters) | nonce (12) | ciphertext | tag (16); the key id and the sorted context are authenticated. */
function encrypt(key: Key, plaintext: Buffer, context: Context): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key.material, nonce).setAAD(authenticated(key, context));
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from(key.id), nonce, sealed, cipher.getAuthTag()]);
}

function decrypt(sealed: Buffer, context: Context, named: Key | undefined, find: (name: string) => Key) {
  if (sealed.length < 36 + 12 + 16) throw new KmsError("InvalidCiphertextException");
  const key = madeWith(sealed.subarray(0, 36).toString(), find);
  if (named !== undefined && named !== key) throw new KmsError("IncorrectKeyException");
  usable(key);
  const decipher = createDecipheriv("aes-256-gcm", key.material, sealed.subarray(36, 48), { authTagLength: 16 });
  decipher.setAAD(authenticated(key, context)).setAuthTag(sealed.subarray(-16));
  try {
    return { key, plaintext: Buffer.concat([decipher.update(sealed.subarray(48, -16)), decipher.final()]) };
  } catch {
    throw new KmsError("InvalidCiphertextException");
  }
}

function authenticated(key: Key, context: Context): Buffer {
  const sorted = Object.entries(context).sort(([left], [right]) => (left < right ? -1 : 1));
  return Buffer.from(JSON.stringify([key.id, sorted]));
}

function madeWith(id: string, find: (name: string) => Key): Key {
  try {
    return find(id);
  } catch {
    throw new KmsError("InvalidCiphertextException"); // the blob is garbage, not the request
  }
}

function findKey(keys: readonly Key[], aliases: ReadonlyMap<string, Key>, name: string): Key {
  const alias = name.startsWith(`arn:aws:kms:${region}:${account}:alias/`) ? name.slice(name.indexOf("alias/")) : name;
  const key = aliases.get(alias) ?? keys.find(({ id, arn }) => id === name || arn === name);
  if (key === undefined) throw new KmsError("NotFoundException");
  return key;
}

function usable(key: Key): Key {
  if (!key.enabled) throw new KmsError("DisabledException");
  return key;
}

function blob(body: Request): Buffer {
  const bytes = Buffer.from(text(body, "CiphertextBlob"), "base64");
  if (bytes.length < 1 || bytes.length > 6144) throw new KmsError("ValidationException");
  return bytes;
}

function text(body: Request, name: string): string {
  const value = body[name];
  if (typeof value !== "string") throw new KmsError("ValidationException");
  return value;
}

function contextOf(value: unknown): Context {
  return (value ?? {}) as Context;
}

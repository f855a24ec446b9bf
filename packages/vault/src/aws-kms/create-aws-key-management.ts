import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
  type KMSClientConfig,
} from "@aws-sdk/client-kms";
import { type KeyContext, type KeyManagement, OperationalError } from "@mailfleet/domain";
import { type KmsOperation, toOperationalError } from "./to-operational-error.ts";

export type AwsKeyManagementOptions = {
  /** Wraps new data keys: a key id, an ARN or an alias. What an earlier key wrapped is unwrapped by that key, while it exists. */
  readonly keyId: string;
} & (
  | { readonly client: KMSClient }
  | {
      readonly region: string;
      readonly endpoint?: string;
      /** Without them the SDK's own chain: environment, profile, container, instance. */
      readonly credentials?: NonNullable<KMSClientConfig["credentials"]>;
      /** One attempt may take this long; there are three. */
      readonly attemptMsMax?: number;
    }
);

export type AwsKeyManagement = KeyManagement & {
  /** Ends the connections of a client made here; a client that was handed over stays open. */
  close(): Promise<void>;
};

const ciphertextLengthMax = 6144; // KMS API Reference, Decrypt
const dataKeyLength = 32;

/**
 * Wraps data keys with an AWS KMS key. The encryption context is {tenant, purpose, version}, written to CloudTrail in clear
 * and usable in key policies as `kms:EncryptionContext:tenant`.
 *
 * A wrapped key names the KMS key that must open it, and KMS holds it to that. Which keys this process may use at all is
 * for its IAM policy to say: name the keys there.
 */
export function createAwsKeyManagement(options: AwsKeyManagementOptions): AwsKeyManagement {
  const client = "client" in options ? options.client : connect(options);

  return {
    async createDataKey(context, { signal }) {
      const command = new GenerateDataKeyCommand({
        KeyId: options.keyId,
        KeySpec: "AES_256",
        EncryptionContext: encryptionContext(context),
      });
      const reply = await asked("createDataKey", signal, () => client.send(command, { abortSignal: signal }));
      const { KeyId: keyId, CiphertextBlob: ciphertext } = reply;
      const plaintext = own(reply.Plaintext);
      if (keyId === undefined || ciphertext === undefined || plaintext?.length !== dataKeyLength) throw incomplete();
      return { plaintext, wrapped: { keyId, ciphertext } };
    },

    async unwrap({ keyId, ciphertext }, context, { signal }) {
      signal.throwIfAborted();
      if (ciphertext.length === 0 || ciphertext.length > ciphertextLengthMax) {
        throw new OperationalError("credential.unreadable", "a wrapped data key has a length KMS never gives");
      }
      const command = new DecryptCommand({
        KeyId: keyId,
        CiphertextBlob: ciphertext,
        EncryptionContext: encryptionContext(context),
      });
      const reply = await asked("unwrap", signal, () => client.send(command, { abortSignal: signal }));
      const plaintext = own(reply.Plaintext);
      if (plaintext === undefined) throw incomplete();
      return plaintext;
    },

    async wrap(key, context, { signal }) {
      const command = new EncryptCommand({
        KeyId: options.keyId,
        Plaintext: key,
        EncryptionContext: encryptionContext(context),
      });
      const reply = await asked("createDataKey", signal, () => client.send(command, { abortSignal: signal }));
      const { KeyId: keyId, CiphertextBlob: ciphertext } = reply;
      if (keyId === undefined || ciphertext === undefined) throw incomplete();
      return { keyId, ciphertext };
    },

    async close() {
      if (!("client" in options)) client.destroy();
    },
  };
}

function connect(options: Exclude<AwsKeyManagementOptions, { client: KMSClient }>): KMSClient {
  const { region, endpoint, credentials, attemptMsMax = 5_000 } = options;
  return new KMSClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: attemptMsMax, throwOnRequestTimeout: true },
  });
}

function encryptionContext({ owner, purpose, version }: KeyContext): Record<string, string> {
  return { tenant: owner, purpose, version: String(version) };
}

async function asked<Reply>(operation: KmsOperation, signal: AbortSignal, ask: () => Promise<Reply>): Promise<Reply> {
  signal.throwIfAborted();
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted(); // the caller's own reason, not the SDK's word for it
    throw toOperationalError(error, operation);
  }
}

/** The SDK decodes into memory it shares with others; a copy of our own can be handed out, and the original is overwritten. */
function own(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined) return undefined;
  const copy = Uint8Array.from(bytes);
  bytes.fill(0);
  return copy;
}

function incomplete(): OperationalError {
  return new OperationalError("key.unavailable", "KMS answered without a complete data key");
}

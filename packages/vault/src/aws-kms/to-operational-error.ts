import { OperationalError } from "@mailfleet/domain";

export type KmsOperation = "createDataKey" | "unwrap";

const doNotBelongTogether = new Set(["IncorrectKeyException", "InvalidCiphertextException"]);

/** An unwrap is made of stored values alone, so a request KMS finds malformed means a stored value that was changed. */
const malformedRequest = new Set(["InvalidArnException", "ValidationException"]);

const renewCredentials = "this process's AWS credentials are missing, wrong or expired";
const slowDown = "KMS limits the rate; hold data keys longer or ask AWS for a higher quota";

/** What an operator should do. Everything not named here is the service's own trouble, and passes. */
const hints: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "allow kms:GenerateDataKey and kms:Decrypt on the key to this process's role, and kms:Encrypt to whoever rewraps",
  CredentialsProviderError: renewCredentials,
  DisabledException: "the key is disabled; enable it",
  ExpiredTokenException: renewCredentials,
  IncompleteSignature: renewCredentials,
  InvalidArnException: "the configured key id is not one",
  InvalidClientTokenId: renewCredentials,
  InvalidKeyUsageException: "the key must be symmetric, for ENCRYPT_DECRYPT",
  InvalidSignatureException: renewCredentials,
  KMSInvalidStateException: "the key is waiting for deletion or for key material; cancel the deletion",
  LimitExceededException: slowDown,
  MissingAuthenticationTokenException: renewCredentials,
  NotFoundException: "there is no such key in this account and region",
  ThrottlingException: slowDown,
  UnrecognizedClientException: renewCredentials,
  ValidationException: "the configured key id is not one",
};

/**
 * KMS's failures, and those on the way there, in our words. What is neither comes back as it is: a bug.
 *
 * Neither the SDK's message nor the error itself goes along: for an answer that does not parse, the message quotes the
 * body, in which the data key stands in clear.
 */
export function toOperationalError(error: unknown, operation: KmsOperation): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  const metadata = "$metadata" in error ? (error.$metadata as { httpStatusCode?: number; requestId?: string }) : null;
  if (metadata === null && code === null && hints[error.name] === undefined) return error;

  const details = [
    code ?? error.name,
    metadata?.httpStatusCode === undefined ? null : `HTTP ${metadata.httpStatusCode}`,
    metadata?.requestId === undefined ? null : `request ${metadata.requestId}`,
  ];
  const said = details.filter((detail) => detail !== null).join(", ");
  if (doNotBelongTogether.has(error.name) || (operation === "unwrap" && malformedRequest.has(error.name))) {
    return new OperationalError("credential.unreadable", `KMS does not unwrap a data key with this context (${said})`);
  }
  const hint = hints[error.name];
  return new OperationalError(
    "key.unavailable",
    `KMS gave no data key (${said})${hint === undefined ? "" : `: ${hint}`}`,
  );
}

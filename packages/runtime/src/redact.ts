import { OperationalError, Secret } from "@mailfleet/domain";

const redacted = "[redacted]";
const depthMax = 6;

/** Names whose values are never for a log. Ids, times and counts of such things are (`credentialId`, `tokensCount`). */
const secretName =
  /pass(word|wd|phrase)?$|secret|token|authorization|cookie|private_?key|api_?key|credential|assertion|^(body|text|html|raw|subject|snippet|address|from|to|cc|bcc|reply_?to|recipients?)$/i;
const harmlessName = /(id|ids|at|ms|count|kind|code|version|max|min|size|bytes|state)$/i;

/** Secrets inside a text: a login in a URL, a bearer token (RFC 6750), a JWT (RFC 7519), an address (RFC 5322 §3.4.1). */
const secretTexts: readonly (readonly [RegExp, string])[] = [
  [/:\/\/[^/\s:@]*:[^/\s@]*@/g, `://${redacted}@`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, redacted],
  [/[^\s<>"'(),:;=@[\]]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+/gi, redacted],
];

/**
 * The second net below the rule that no secret and no mail reaches a log: takes out what is named or looks like one.
 * What should not be logged must still not be handed to the log.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (value instanceof Secret) return value.toJSON();
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (depth >= depthMax) return "[too deep]";
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, inner]) => [name, redactField(name, inner, depth)]));
}

function redactField(name: string, value: unknown, depth: number): unknown {
  const isScalar = typeof value === "number" || typeof value === "boolean" || value === null || value === undefined;
  if (!isScalar && secretName.test(name) && !harmlessName.test(name)) return redacted;
  return redact(value, depth + 1);
}

/** An operational error is expected and its code says enough; of any other the stack is needed. */
function redactError(error: Error, depth: number): unknown {
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    message: redactText(error.message),
    ...(error instanceof OperationalError ? {} : { stack: redactText(error.stack ?? "") }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}

function redactText(text: string): string {
  return secretTexts.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}

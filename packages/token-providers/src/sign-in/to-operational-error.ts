import { OperationalError } from "@mailfleet/domain";
import { AuthorizationResponseError, ClientError, ResponseBodyError } from "openid-client";
import { toOperationalError as fromTokenEndpoint } from "../token-endpoint/to-operational-error.ts";

const codes = { denied: "access_denied", late: "expired_token" } as const;

/**
 * What a sign-in ended with. What was thrown here carries tokens and claims in its causes, so nothing of it is passed on
 * but the provider's error name or the name of the check that failed.
 */
export function toOperationalError(error: unknown, now: Date): OperationalError {
  if (error instanceof OperationalError) return error;
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    if (error.error === codes.denied)
      return unfinished("the access was not allowed at the provider; run the same command again and allow it");
    if (error.error === codes.late) return tooLate();
    const status = error instanceof ResponseBodyError ? error.status : 400;
    const body = error instanceof ResponseBodyError ? error.cause : { error: error.error };
    return fromTokenEndpoint({ status, headers: {}, body: JSON.stringify(body) }, now);
  }
  if (error instanceof ClientError && !isNetwork(error)) {
    const what = checkedOf(error);
    return unfinished(
      `the provider's answer does not belong to this sign-in${what}; run the same command again, and finish it in one browser`,
    );
  }
  return new OperationalError("provider.unavailable", "the provider did not answer the sign-in; try again in a moment");
}

/** Nobody came, or the provider's own time for it was over. */
export function tooLate(): OperationalError {
  return unfinished("nobody finished the sign-in in time; run the same command again");
}

function unfinished(message: string): OperationalError {
  return new OperationalError("sign-in.unfinished", message, { publicMessage: "The sign-in was not finished." });
}

function isNetwork({ code, cause }: ClientError): boolean {
  if (code === "OAUTH_TIMEOUT" || code === "OAUTH_ABORT" || code === "OAUTH_RESPONSE_IS_NOT_CONFORM") return true;
  return code === undefined && cause instanceof Error && "errno" in cause;
}

/** Which check failed, where the library says so: a claim's or a parameter's name, never its value. */
function checkedOf({ cause }: ClientError): string {
  const inner = (cause as { cause?: { claim?: unknown; attribute?: unknown } } | undefined)?.cause;
  const name = inner?.claim ?? inner?.attribute;
  if (typeof name === "string" && /^[a-z_]{1,40}$/.test(name)) return ` (${name})`;
  const told = cause instanceof Error ? /"([a-z_]{1,40})"/.exec(cause.message)?.[1] : undefined;
  return told === undefined ? "" : ` (${told})`;
}

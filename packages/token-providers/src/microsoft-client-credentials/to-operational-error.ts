import { OperationalError } from "@mailfleet/domain";

/**
 * What the library throws before anything was answered: the network failed, or it found our own secret or certificate
 * unusable. Answers are read by ourselves.
 */
export function toOperationalError(error: unknown): OperationalError {
  const { cause } = error instanceof Error ? error : {};
  const found = [error, cause, (error as { error?: unknown } | null)?.error].find(
    (candidate) => candidate instanceof OperationalError,
  );
  if (found instanceof OperationalError) return found;
  const code = (error as { errorCode?: unknown } | null)?.errorCode;
  const isNetwork = typeof code === "string" && /network|timeout|endpoints_resolution/.test(code);
  if (isNetwork) return new OperationalError("provider.unavailable", "token endpoint: no answer");
  return new OperationalError("provider-app.refused", "the app's secret or certificate cannot be used; rotate it");
}

import { OperationalError } from "@mailfleet/domain";

/** What the library throws before it asks: the key is read and used for nothing but to sign, so the key is at fault. */
export function toOperationalError(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error;
  return new OperationalError("provider-app.refused", "the service account's key cannot sign; provide another one");
}

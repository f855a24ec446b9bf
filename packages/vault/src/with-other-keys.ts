import type { KeyManagement } from "@mailfleet/domain";
import type { LocalKeyManagement } from "./local-key-file/create-local-key-management.ts";

/** Wraps with one key and unwraps with any of them: what a fleet runs with while its data keys move from one to another. */
export function withOtherKeys(primary: KeyManagement, others: readonly LocalKeyManagement[]): KeyManagement {
  if (others.length === 0) return primary;
  const byKeyId = new Map(others.map((other) => [other.keyId, other]));
  return {
    createDataKey: (context, options) => primary.createDataKey(context, options),
    wrap: (key, context, options) => primary.wrap(key, context, options),
    unwrap: (wrapped, context, options) => (byKeyId.get(wrapped.keyId) ?? primary).unwrap(wrapped, context, options),
  };
}

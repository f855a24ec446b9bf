import { Secret } from "@mailfleet/domain";
import { z } from "zod";

/**
 * A variable whose value is a secret: parsed by `inner`, then wrapped, and also accepted as `NAME_FILE`, the path of a
 * file that holds it.
 */
export function secret<Inner extends z.ZodType<string>>(inner: Inner) {
  return inner.transform((value) => Secret.of(value)).meta({ secret: true });
}

/** A secret of at least one character. */
export const secretText = () => secret(z.string().min(1));

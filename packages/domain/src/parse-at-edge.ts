import type { z } from "zod";
import { OperationalError } from "./errors.ts";

/**
 * Turns outside data into domain data, or says where it broke the contract.
 * Reports paths and rule names, never values: a value may be a secret or someone's mail.
 *
 * @throws OperationalError `contract.violated`
 */
export function parseAtEdge<Schema extends z.ZodType>(schema: Schema, value: unknown, edge: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join(".") || "(root)"}: ${issue.code}`);
  throw new OperationalError("contract.violated", `${edge}: ${faults.join(", ")}`);
}

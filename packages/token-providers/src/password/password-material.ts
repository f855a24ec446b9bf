import { z } from "zod";

/** SASL PLAIN separates its fields by NUL, so no field may contain one (RFC 4616 §2). */
const saslField = z
  .string()
  .min(1)
  .max(1_024)
  .refine((text) => !text.includes("\0"), "no NUL");

/** What is sealed for a mailbox of the `password` flow. */
export const PasswordMaterial = z.strictObject({ user: saslField, password: saslField });
export type PasswordMaterial = z.output<typeof PasswordMaterial>;

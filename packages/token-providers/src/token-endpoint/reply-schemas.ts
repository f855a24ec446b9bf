import { z } from "zod";

/** RFC 6749 §5.1, as loosely as providers keep it. */
export const TokenReply = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive(),
  refresh_token: z.string().min(1).nullish(),
  scope: z.string().nullish(),
});
export type TokenReply = z.output<typeof TokenReply>;

/** RFC 6749 §5.2; `error_codes` are Microsoft's. */
export const ErrorReply = z.object({
  error: z.string(),
  error_description: z.string().nullish(),
  error_codes: z.array(z.number()).nullish(),
});
export type ErrorReply = z.output<typeof ErrorReply>;

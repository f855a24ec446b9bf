import { z } from "zod";

/** In XOAUTH2 and OAUTHBEARER fields end at U+0001, so no field may contain a control character (RFC 7628 §3.1). */
export const bearerUser = z
  .string()
  .min(1)
  .max(320)
  .regex(/^[^\p{Cc}]+$/u);

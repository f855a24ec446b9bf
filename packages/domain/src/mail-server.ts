import { z } from "zod";

/**
 * Where a mailbox is read or a message handed in. `tls` is implicit TLS (RFC 8314 §3), `starttls` upgrades before
 * anything else is said and ends where the server does not offer it. There is no third way.
 */
export const MailServer = z.strictObject({
  host: z.string().min(1).max(253),
  port: z.number().int().min(1).max(65_535),
  security: z.enum(["tls", "starttls"]),
});
export type MailServer = z.output<typeof MailServer>;

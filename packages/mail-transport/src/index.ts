/** Hands one message to the mailbox's own submission server. One folder per protocol. */

export type { SmtpMailTransport, SmtpMailTransportOptions } from "./smtp/create-smtp-mail-transport.ts";
export { createSmtpLoginCheck, createSmtpMailTransport } from "./smtp/create-smtp-mail-transport.ts";
export type { PoolLimits } from "./smtp/session-pool.ts";
export type { SmtpLimits } from "./smtp/smtp-limits.ts";

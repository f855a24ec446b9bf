import { v7 as uuidv7 } from "uuid";
import { z } from "zod";

/** Every id is a UUIDv7 (RFC 9562 §5.7): unique without coordination, and rows made together lie together. */
export const TenantId = z.uuid().brand<"TenantId">();
export type TenantId = z.output<typeof TenantId>;

/** Names a mailbox for ever. Its address may change; this does not. */
export const MailboxId = z.uuid().brand<"MailboxId">();
export type MailboxId = z.output<typeof MailboxId>;

export const MessageId = z.uuid().brand<"MessageId">();
/** Names a stored message. The `Message-ID` header of RFC 5322 is `messageIdHeader` everywhere. */
export type MessageId = z.output<typeof MessageId>;

export const SubmissionId = z.uuid().brand<"SubmissionId">();
export type SubmissionId = z.output<typeof SubmissionId>;

export const CredentialId = z.uuid().brand<"CredentialId">();
export type CredentialId = z.output<typeof CredentialId>;

export const ActorId = z.uuid().brand<"ActorId">();
export type ActorId = z.output<typeof ActorId>;

export const ThreadId = z.uuid().brand<"ThreadId">();
export type ThreadId = z.output<typeof ThreadId>;

/** The label every stored row is attributed to. One per tenant; never an access check by itself. */
export const Namespace = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63")
  .brand<"Namespace">();
export type Namespace = z.output<typeof Namespace>;

/**
 * Counts the claims of one mailbox or submission. Raised by the claim and compared by every later write,
 * so that whoever holds an older one can no longer change anything.
 */
export const Epoch = z.number().int().min(0).brand<"Epoch">();
export type Epoch = z.output<typeof Epoch>;

/** Makes a new id: `newId(MessageId)`. */
export function newId<Id>(schema: { parse(value: unknown): Id }): Id {
  return schema.parse(uuidv7());
}

/** One person of an address header. `name` is decoded; `address` may be anything the sender wrote, and may be empty. */
export type MailAddress = { readonly name: string | null; readonly address: string };

/** A part that is not body text. A message inside the message stays one attachment, unread. */
export type ParsedAttachment = {
  /** The last component of the name the sender gave (RFC 2183 §2.3), decoded. */
  readonly filename: string | null;
  /** Lower case, without parameters. */
  readonly contentType: string;
  /** Without angle brackets, as `cid:` links name it (RFC 2392). */
  readonly contentId: string | null;
  /** Shown inside the text rather than beside it. */
  readonly inline: boolean;
  /** Decoded, byte for byte. */
  readonly bytes: Uint8Array;
};

/**
 * A message ready to be stored. Every string is well-formed Unicode without NUL, so PostgreSQL and JSON take it as it is.
 * Nothing here is trusted: it is what the sender wrote.
 */
export type ReadableMessage = {
  readonly kind: "parsed";
  /** `<left@right>`, or null where there is none that can be used (RFC 5322 §3.6.4). */
  readonly messageIdHeader: string | null;
  readonly inReplyTo: string | null;
  /** Oldest first, each once, at most `referencesMax`. */
  readonly references: readonly string[];
  readonly subject: string | null;
  /** Of every From header there is. Who wants to know the sender refuses anything but exactly one. */
  readonly from: readonly MailAddress[];
  readonly sender: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly date: Date | null;
  /** `none` where the header is missing or says no plausible time: the caller falls back to the server's. */
  readonly dateSource: "header" | "none";
  /** Lines end in LF. */
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly ParsedAttachment[];
  /** The header block as it came, without the empty line that ends it. A view of the raw message, not a copy. */
  readonly headers: Uint8Array;
  /** What had to be changed or left out, as `field.what`. Never content. */
  readonly warnings: readonly string[];
};

export type UnparsedReason =
  | "archive-bomb"
  | "empty"
  | "malformed"
  | "too-large"
  | "too-many-attachments"
  | "too-many-parts"
  | "headers-too-large"
  | "nested-too-deep";

/** Stored raw, with the reason. What identifies it is there all the same. */
export type UnparsedMessage = {
  readonly kind: "unparsed";
  readonly reason: UnparsedReason;
  readonly messageIdHeader: string | null;
  readonly headers: Uint8Array;
};

export type ParsedMessage = ReadableMessage | UnparsedMessage;

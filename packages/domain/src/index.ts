/** The nouns of the fleet, the ports it speaks through, and what can go wrong. No I/O. */

export type { AccessChange, AccessChangeCause } from "./access-change.ts";
export { endsWork } from "./access-change.ts";
export type { Binding } from "./binding.ts";
export type { ErrorCode, OperationalErrorOptions, Remedy } from "./errors.ts";
export { OperationalError, remedyByCode } from "./errors.ts";
export {
  ActorId,
  CredentialId,
  Epoch,
  MailboxId,
  MessageId,
  Namespace,
  newId,
  SubmissionId,
  TenantId,
  ThreadId,
} from "./ids.ts";
export { envelopeAddress, isMailAddress, MailAddress } from "./mail-address.ts";
export { MailServer } from "./mail-server.ts";
export type { MailboxMove, MailboxState } from "./mailbox-states.ts";
export { isRetried, mailboxMoves, mailboxStates, retriedReasons, statesBefore } from "./mailbox-states.ts";
export { parseAtEdge } from "./parse-at-edge.ts";
export type { BlobRef, BlobSegment, BlobStore, ByteRange, ReadOptions } from "./ports/blob-store.ts";
export type {
  ClassifiableContent,
  ClassifiedAddress,
  ContentClassifier,
  ContentVerdict,
} from "./ports/content-classifier.ts";
export type { ContentKey, ContentKeys } from "./ports/content-keys.ts";
export type { DataKey, KeyContext, KeyManagement, KeyPurpose, WrappedKey } from "./ports/key-management.ts";
export type {
  FetchedMessage,
  FolderState,
  FolderWatch,
  ListedMessage,
  MailConnection,
  MailSource,
} from "./ports/mail-source.ts";
export type { MailTransport, OutgoingMessage, RecipientRefusal, SendReceipt } from "./ports/mail-transport.ts";
export type { NetworkGuard, VettedAddress } from "./ports/network-guard.ts";
export type { SentCopy, SentCopyStore } from "./ports/sent-copies.ts";
export type { SentFolder, SentMessageNames } from "./ports/sent-folder.ts";
export type { Login, TokenProvider } from "./ports/token-provider.ts";
export { Secret } from "./secret.ts";
export type { Untrusted, UntrustedDeep } from "./untrusted.ts";
export { untrusted } from "./untrusted.ts";
export {
  answeredAddress,
  answeredHeader,
  classifiedAsData,
  comparedAddress,
  forwardedAsData,
  lookedUpHeader,
  markedAsData,
  quotedAsData,
  shownAsData,
} from "./untrusted-escapes.ts";

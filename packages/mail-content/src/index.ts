/** Raw MIME to a message that can be stored, a draft to raw MIME. Pure: no I/O, no clock. */

export type { AutomaticJudgement, NoAutomaticAnswer } from "./automatic/judge-automatic.ts";
export { judgeAutomatic } from "./automatic/judge-automatic.ts";
export type { Bounce, BounceAction, BounceCategory, BounceRecipient } from "./bounce/bounce.ts";
export type { ComposedMessage } from "./compose-message.ts";
export { composeMessage } from "./compose-message.ts";
export type { ContentIdentity } from "./content-key.ts";
export { contentKey } from "./content-key.ts";
export type { DerivedText } from "./derive-text.ts";
export { deriveText } from "./derive-text.ts";
export type {
  DateSource,
  InspectedAttachment,
  InspectedMessage,
  InspectedPart,
  InspectOptions,
} from "./inspect-message.ts";
export { inspectMessage } from "./inspect-message.ts";
export type { MessageKind } from "./kind/read-kind.ts";
export type { MailTraces, ReportedRecipient, SentNames } from "./kind/read-traces.ts";
export { noTraces, readTraces } from "./kind/read-traces.ts";
export type { DraftAddress, DraftAttachment, MessageDraft, OwnHeader } from "./message-draft.ts";
export { newMessageIdHeader, parseMessageIds, readMessageIdHeader, referencesMax } from "./message-id-header.ts";
export { overlongPassing } from "./overlong.ts";
export type { ParseLimits } from "./parse-limits.ts";
export { defaultParseLimits } from "./parse-limits.ts";
export { parseMessage } from "./parse-message.ts";
export type {
  MailAddress,
  ParsedAttachment,
  ParsedMessage,
  ReadableMessage,
  UnparsedMessage,
  UnparsedReason,
} from "./parsed-message.ts";
export { replyReferences, replySubject } from "./reply.ts";
export { sha256, sha256Passing } from "./sha256.ts";
export { quoteText } from "./text/quote-text.ts";
export type { OwnFields, WholeMessage } from "./whole/whole-message.ts";
export { adoptMessage, readWholeMessage } from "./whole/whole-message.ts";

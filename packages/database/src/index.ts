export type { AcceptedRow } from "./accept-submissions.ts";
/** All SQL of the fleet. Repositories take a grant first; work across tenants is under `fleet`. */

export type { AccessTokenRow, AccessTokens, ExchangeLease, RotatedCredential, SealedToken } from "./access-tokens.ts";
export type { ActorKeyRow } from "./actor-keys.ts";
export type { ActorRow, NewActor } from "./actors.ts";
export type { AuditRow } from "./audit.ts";
export { automaticAnswersMax } from "./automatic-answers.ts";
export type { Bindings, Challenge, NewBinding, ProvenBinding } from "./bindings.ts";
export type { Cancellation } from "./cancel-submission.ts";
export type { ClassifiedMessage } from "./content-verdicts.ts";
export type { CredentialLifecycle, StagedCredential } from "./credential-lifecycle.ts";
export type { CredentialRow } from "./credentials.ts";
export type { FolderCursor, FolderHistory, HistoryMove } from "./cursors.ts";
export type { Deliverable } from "./deliverables.ts";
export type { EventRow } from "./events.ts";
export type { AccessChanges, AccessReader } from "./fleet/access-changes.ts";
export type { ClaimedRow, ClaimRequest, Claims, Finish, PollStart, StartedRow } from "./fleet/claims.ts";
export { type Freshness, type FreshnessLook, freshnessPartsCount } from "./fleet/freshness.ts";
export type { HeldRow } from "./fleet/held-rows.ts";
export type { HostBreaker, HostBreakers, SeenBreaker } from "./fleet/host-breakers.ts";
export type { HostLimit, HostLimits } from "./fleet/host-limits.ts";
export type { KeyRewrap, StandingKey } from "./fleet/key-rewrap.ts";
export type { ProviderAppRow, ProviderApps } from "./fleet/provider-apps.ts";
export type {
  Limits,
  MailboxSettings,
  ProvisionedTenant,
  Provisioning,
  TenantBounds,
  TenantSettings,
} from "./fleet/provisioning.ts";
export type { LookOutcome, ReconcileTarget } from "./fleet/reconciliations.ts";
export type { AttemptOutcome, RecipientOutcome } from "./fleet/record-outcomes.ts";
export type { Retention, RetentionTurn, RetentionWatch } from "./fleet/retention.ts";
export type { SentCopies, SentCopyOutcome, SentCopyTarget } from "./fleet/sent-copies.ts";
export type { TenantStatus } from "./fleet/status.ts";
export type { DeliveryTarget } from "./fleet/submissions.ts";
export type { TenantRetention } from "./fleet/tenant-retention.ts";
export type { Beat, BeatAnswer, Workers } from "./fleet/workers.ts";
export type {
  Inbox,
  NewAttachment,
  NewMessage,
  NewPage,
  StoredPage,
} from "./inbox.ts";
export { unreadableAttemptsMax } from "./inbox.ts";
export type { Judgement } from "./judgement.ts";
export { unjudged } from "./judgement.ts";
export type { Disconnected } from "./mailbox-lifecycle.ts";
export type { MailboxStop, MailboxStops } from "./mailbox-stops.ts";
export type { CursorRow, MailboxRow } from "./mailboxes.ts";
export type { AttachmentRow, LocationRow, MessageRow } from "./messages.ts";
export { microBatch } from "./micro-batch.ts";
export { migrateDatabase } from "./migrate.ts";
export type { MessageTraces } from "./named-submissions.ts";
export type { Contents, DestroyedKey, Offboarding, Remains } from "./offboarding.ts";
export type { Database, DatabaseOptions } from "./open-database.ts";
export { openDatabase } from "./open-database.ts";
export type { Pollable } from "./pollables.ts";
export type { HeldMessage, Quarantine } from "./quarantine.ts";
export type { Address, Envelope, OutboundPolicy, SenderTrust, SubmissionState, UncertainPolicy } from "./schema.ts";
export { noSenderTrust, outboundPolicies, uncertainPolicies } from "./schema.ts";
export type { NewSubmission, RecipientRow, SubmissionRow } from "./submissions.ts";
export type { SuppressionRow } from "./suppressions.ts";
export type { TenantKeyRow, TenantKeys } from "./tenant-keys.ts";
export type {
  AllowListEntry,
  InboundAction,
  OutboundAction,
  SenderFacts,
  TenantPolicies,
  TenantPolicy,
} from "./tenant-policies.ts";

/** All SQL of the fleet. Repositories take a grant first; work across tenants is under `fleet`. */

export type { ActorRow, NewActor } from "./actors.ts";
export type { AuditRow } from "./audit.ts";
export type { CredentialRow } from "./credentials.ts";
export type { EventRow } from "./events.ts";
export type { ClaimedRow, ClaimRequest, Claims, Finish, HeldRow, StartedRow } from "./fleet/claims.ts";
export type { HostLimit, HostLimits } from "./fleet/host-limits.ts";
export type { Limits, MailboxSettings, ProvisionedTenant, Provisioning, TenantSettings } from "./fleet/provisioning.ts";
export type { LookOutcome, ReconcileTarget } from "./fleet/reconciliations.ts";
export type { TenantStatus } from "./fleet/status.ts";
export type { AttemptOutcome, DeliveryTarget, RecipientOutcome } from "./fleet/submissions.ts";
export type { FolderCursor, Inbox, NewAttachment, NewMessage, NewPage, StoredPage } from "./inbox.ts";
export { unreadableAttemptsMax } from "./inbox.ts";
export type { CursorRow, MailboxRow } from "./mailboxes.ts";
export type { AttachmentRow, LocationRow, MessageRow } from "./messages.ts";
export { migrateDatabase } from "./migrate.ts";
export type { MessageTraces } from "./named-submissions.ts";
export type { Database, DatabaseOptions } from "./open-database.ts";
export { openDatabase } from "./open-database.ts";
export type { Address, Envelope, MailboxState, SubmissionState, UncertainPolicy } from "./schema.ts";
export { mailboxStates, uncertainPolicies } from "./schema.ts";
export type { NewSubmission, RecipientRow, SubmissionRow } from "./submissions.ts";
export type { SuppressionRow } from "./suppressions.ts";
export type { TenantKeyRow, TenantKeys } from "./tenant-keys.ts";

/** The tables as drizzle sees them. `migrations/` is what makes them; a test holds the two against each other. */

export { actorKeys, actors, audit, signingKeys } from "./schema/actors.ts";
export { accessTokens, credentials, providerApps, tenantKeys } from "./schema/credentials.ts";
export type { SenderTrust } from "./schema/mailboxes.ts";
export { cursors, mailboxes, mailboxSending, mailboxStops, noSenderTrust } from "./schema/mailboxes.ts";
export type { Address, Envelope } from "./schema/messages.ts";
export { attachments, events, messageLocations, messages } from "./schema/messages.ts";
export type { SubmissionState } from "./schema/submissions.ts";
export {
  reconciliations,
  submissionRecipients,
  submissionStates,
  submissions,
  suppressions,
} from "./schema/submissions.ts";
export type { OutboundPolicy, UncertainPolicy } from "./schema/tenants.ts";
export {
  allowList,
  correspondents,
  outboundPolicies,
  tenantPolicies,
  tenants,
  uncertainPolicies,
} from "./schema/tenants.ts";

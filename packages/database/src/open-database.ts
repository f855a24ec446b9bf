import { createAccessTokens } from "./access-tokens.ts";
import { createActorKeys } from "./actor-keys.ts";
import { createActors } from "./actors.ts";
import { createAudit } from "./audit.ts";
import { createAutomaticAnswers } from "./automatic-answers.ts";
import { createBindings } from "./bindings.ts";
import { connect } from "./connection.ts";
import { createContentVerdicts } from "./content-verdicts.ts";
import { createCredentialLifecycle } from "./credential-lifecycle.ts";
import { createCredentials } from "./credentials.ts";
import { createDirectory } from "./directory.ts";
import { createEvents } from "./events.ts";
import { createAccessChanges } from "./fleet/access-changes.ts";
import { createClaims } from "./fleet/claims.ts";
import { createExpiries } from "./fleet/expire-submission.ts";
import { createFreshness } from "./fleet/freshness.ts";
import { createHostBreakers } from "./fleet/host-breakers.ts";
import { createHostLimits } from "./fleet/host-limits.ts";
import { createKeyRewrap } from "./fleet/key-rewrap.ts";
import { createProviderApps } from "./fleet/provider-apps.ts";
import { createProvisioning } from "./fleet/provisioning.ts";
import { createReconciliations } from "./fleet/reconciliations.ts";
import { createRetention } from "./fleet/retention.ts";
import { createSegments } from "./fleet/segments.ts";
import { createSentCopies } from "./fleet/sent-copies.ts";
import { createStatus } from "./fleet/status.ts";
import { createFleetSubmissions } from "./fleet/submissions.ts";
import { mailboxWork, reconcileWork, sentCopyWork, submissionWork } from "./fleet/work-tables.ts";
import { createWorkers } from "./fleet/workers.ts";
import { createGateFacts } from "./gate-facts.ts";
import { createInbox } from "./inbox.ts";
import { createMailboxLifecycle } from "./mailbox-lifecycle.ts";
import { createMailboxStops } from "./mailbox-stops.ts";
import { createMailboxes } from "./mailboxes.ts";
import { createMessages } from "./messages.ts";
import { requireCurrentSchema } from "./migrate.ts";
import { createOffboarding } from "./offboarding.ts";
import { createQuarantine } from "./quarantine.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { createSubmissions } from "./submissions.ts";
import { createSuppressions } from "./suppressions.ts";
import { createTenantKeys } from "./tenant-keys.ts";
import { createTenantPolicies } from "./tenant-policies.ts";

export type DatabaseOptions = {
  readonly url: string;
  readonly poolSizeMax: number;
  readonly applicationName: string;
  readonly now?: () => Date;
};

export type Database = Awaited<ReturnType<typeof openDatabase>>;

/**
 * Connects to PostgreSQL 15 or newer.
 *
 * @throws OperationalError `schema.outdated` when the schema is older than this release
 */
export async function openDatabase({ now = () => new Date(), ...options }: DatabaseOptions) {
  const connection = connect({ ...options, now });
  try {
    await requireCurrentSchema(connection.sql);
  } catch (error) {
    await connection.sql.end({ timeout: 1 });
    throw error;
  }
  const audit = createAudit(connection);
  return {
    accessTokens: createAccessTokens(connection),
    actors: createActors(connection),
    actorKeys: createActorKeys(connection),
    audit,
    automaticAnswers: createAutomaticAnswers(connection),
    bindings: createBindings(connection),
    credentialLifecycle: createCredentialLifecycle(connection),
    contentVerdicts: createContentVerdicts(connection),
    credentials: createCredentials(connection),
    directory: createDirectory(connection),
    events: createEvents(connection),
    gateFacts: createGateFacts(connection),
    inbox: createInbox(connection),
    mailboxLifecycle: createMailboxLifecycle(connection),
    mailboxStops: createMailboxStops(connection),
    mailboxes: createMailboxes(connection),
    messages: createMessages(connection),
    offboarding: createOffboarding(connection),
    policies: createTenantPolicies(connection),
    quarantine: createQuarantine(connection),
    signingKeys: createSigningKeys(connection),
    submissions: createSubmissions(connection),
    suppressions: createSuppressions(connection),
    tenantKeys: createTenantKeys(connection),
    /** Work across tenants: ids, states, times and counters. */
    fleet: {
      accessChanges: createAccessChanges(connection),
      mailboxClaims: createClaims(connection, mailboxWork),
      submissionClaims: createClaims(connection, submissionWork),
      expiries: createExpiries(connection),
      hostBreakers: createHostBreakers(connection),
      reconciliationClaims: createClaims(connection, reconcileWork),
      hostLimits: createHostLimits(connection),
      keyRewrap: createKeyRewrap(connection),
      providerApps: createProviderApps(connection),
      provisioning: createProvisioning(connection),
      reconciliations: createReconciliations(connection),
      segments: createSegments(connection),
      retention: createRetention(connection),
      sentCopies: createSentCopies(connection),
      sentCopyClaims: createClaims(connection, sentCopyWork),
      status: createStatus(connection),
      submissions: createFleetSubmissions(connection),
      freshness: createFreshness(connection),
      workers: createWorkers(connection),
    },
    async ping(): Promise<void> {
      await connection.sql`select 1`;
    },
    async close(): Promise<void> {
      await audit.close();
      await connection.sql.end({ timeout: 5 });
    },
  };
}

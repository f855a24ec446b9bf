import { createActors } from "./actors.ts";
import { createAudit } from "./audit.ts";
import { connect } from "./connection.ts";
import { createCredentials } from "./credentials.ts";
import { createDirectory } from "./directory.ts";
import { createEvents } from "./events.ts";
import { createClaims } from "./fleet/claims.ts";
import { createHostLimits } from "./fleet/host-limits.ts";
import { createProvisioning } from "./fleet/provisioning.ts";
import { createReconciliations } from "./fleet/reconciliations.ts";
import { createStatus } from "./fleet/status.ts";
import { createFleetSubmissions } from "./fleet/submissions.ts";
import { mailboxWork, reconcileWork, submissionWork } from "./fleet/work-tables.ts";
import { createGateFacts } from "./gate-facts.ts";
import { createInbox } from "./inbox.ts";
import { createMailboxes } from "./mailboxes.ts";
import { createMessages } from "./messages.ts";
import { requireCurrentSchema } from "./migrate.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { createSubmissions } from "./submissions.ts";
import { createSuppressions } from "./suppressions.ts";
import { createTenantKeys } from "./tenant-keys.ts";

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
    actors: createActors(connection),
    audit,
    credentials: createCredentials(connection),
    directory: createDirectory(connection),
    events: createEvents(connection),
    gateFacts: createGateFacts(connection),
    inbox: createInbox(connection),
    mailboxes: createMailboxes(connection),
    messages: createMessages(connection),
    signingKeys: createSigningKeys(connection),
    submissions: createSubmissions(connection),
    suppressions: createSuppressions(connection),
    tenantKeys: createTenantKeys(connection),
    /** Work across tenants: ids, states, times and counters. */
    fleet: {
      mailboxClaims: createClaims(connection, mailboxWork),
      submissionClaims: createClaims(connection, submissionWork),
      reconciliationClaims: createClaims(connection, reconcileWork),
      hostLimits: createHostLimits(connection),
      provisioning: createProvisioning(connection),
      reconciliations: createReconciliations(connection),
      status: createStatus(connection),
      submissions: createFleetSubmissions(connection),
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

import type { ProvisionedTenant, TenantPolicy } from "@mailfleet/database";
import { MailboxId, type NetworkGuard, TenantId } from "@mailfleet/domain";
import { type FaultKind, FileFaults } from "../faults.ts";
import type { Session } from "../open-session.ts";
import { type Conflict, findConflicts, planChanges, type TenantStep } from "./plan-changes.ts";
import type { SecretPlaces } from "./read-secret.ts";
import { readTenantsFile, type WantedTenant } from "./read-tenants-file.ts";
import { credentialDiffers } from "./store-credential.ts";
import { findRefusedHosts } from "./vet-hosts.ts";

export type PlanRequest = {
  readonly text: string;
  /** What the file is called in messages. */
  readonly name: string;
  readonly places: SecretPlaces;
  readonly guard: NetworkGuard;
  readonly prune: boolean;
  readonly backfillMs: number | undefined;
};

/**
 * From a file to what would have to change. Changes nothing.
 *
 * @throws FileFaults for what is wrong in the file, hosts that may not be dialled, and what the fleet already has otherwise
 */
export async function makePlan(session: Session, request: PlanRequest): Promise<readonly TenantStep[]> {
  const { name, guard, prune, backfillMs } = request;
  const { tenants, locate } = readTenantsFile(request.text, name, request.places);
  const wanted = tenants.map((tenant) => withBackfill(tenant, backfillMs));
  const refuse = (kind: FaultKind, found: readonly Conflict[]) => {
    if (found.length > 0)
      throw new FileFaults(
        kind,
        name,
        found.map(({ path, message }) => locate(path, message)),
      );
  };
  refuse("host.refused", await findRefusedHosts(wanted, guard));
  const grant = await session.authorize("fleet.provision", {});
  const existing = await session.database.fleet.provisioning.tenants(grant);
  refuse("resource.conflicting", findConflicts(wanted, existing));
  const credentialsDiffer = await findDifferentCredentials(session, wanted, existing);
  const policies = await readPolicies(session, wanted, existing);
  return planChanges({ wanted, existing, credentialsDiffer, policies, prune });
}

function withBackfill(tenant: WantedTenant, backfillMs: number | undefined): WantedTenant {
  const mailboxes = tenant.mailboxes.map((mailbox) => ({ ...mailbox, backfillMs: mailbox.backfillMs ?? backfillMs }));
  return { ...tenant, mailboxes };
}

/** Who wants nothing of a policy is not asked about it. */
async function readPolicies(
  session: Session,
  wanted: readonly WantedTenant[],
  existing: readonly ProvisionedTenant[],
): Promise<ReadonlyMap<string, TenantPolicy>> {
  const policies = new Map<string, TenantPolicy>();
  for (const { key, policy } of wanted) {
    const tenant = existing.find((candidate) => candidate.key === key);
    if (tenant === undefined || Object.keys(policy).length === 0) continue;
    const grant = await session.authorize("policy.read", { tenantId: TenantId.parse(tenant.id) });
    policies.set(key, await session.database.policies.read(grant));
  }
  return policies;
}

/** Each comparison opens a credential, and so asks the gate for itself. */
async function findDifferentCredentials(
  session: Session,
  wanted: readonly WantedTenant[],
  existing: readonly ProvisionedTenant[],
): Promise<ReadonlySet<MailboxId>> {
  const different = new Set<MailboxId>();
  for (const { key, mailboxes } of wanted) {
    const tenant = existing.find((candidate) => candidate.key === key);
    if (tenant?.state !== "active") continue;
    const tenantId = TenantId.parse(tenant.id);
    for (const mailbox of mailboxes) {
      const row = tenant.mailboxes.find((candidate) => candidate.key === mailbox.key);
      if (row === undefined) continue;
      const mailboxId = MailboxId.parse(row.id);
      const access = await session.authorize("credential.manage", { tenantId, mailboxId });
      if (await credentialDiffers(session, access, mailboxId, mailbox)) different.add(mailboxId);
    }
  }
  return different;
}

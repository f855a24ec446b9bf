import { setTimeout as pause } from "node:timers/promises";
import { purgeTenant } from "@mailfleet/blob-store";
import type { Contents } from "@mailfleet/database";
import { OperationalError, type TenantId } from "@mailfleet/domain";
import type { Session } from "../open-session.ts";
import { signFleetReport } from "../sign-token.ts";
import { endConsents, rememberConsents } from "./end-consents.ts";

/** Within this time every worker has let go of what it had of the tenant; only then is nothing written behind us. */
const letGoMs = 5_000;

export type OffboardRequest = { readonly tenantId: TenantId; readonly key: string; readonly contents: Contents };

/**
 * Takes a tenant away, step by step, and answers the signed report of it. Each step is a transaction of its own that does
 * nothing the second time, so that an interrupted offboarding is simply run again.
 */
export async function offboardTenant(session: Session, { tenantId, key, contents }: OffboardRequest): Promise<string> {
  const { offboarding } = session.database;
  const manage = () => session.authorize("tenant.manage", { tenantId, subjectId: "offboard" });
  const consents = await rememberConsents(session, tenantId);
  await offboarding.close(await manage());
  const opened = await consents.open();
  await offboarding.destroyCredentials(await manage());
  const told = await endConsents(session, opened);
  if (told !== null) await session.authorize("tenant.manage", { tenantId, subjectId: `provider-revocation:${told}` });
  if (contents === "purged") {
    await pause(letGoMs);
    await offboarding.destroyContentKey(await manage());
    while (await offboarding.purgeSome(await manage()));
    await purgeTenant({ root: session.config.blobRoot(), now: session.now }, await manage());
  }
  const earlier = await offboarding.findReport(await manage(), contents);
  if (earlier !== null) return earlier;
  const report = await describeOffboarding(session, { tenantId, key, contents });
  return offboarding.keepReport(await manage(), contents, await signFleetReport(session, report));
}

/** What was destroyed, what is left, and where copies may lie that the fleet cannot reach. */
async function describeOffboarding(session: Session, { tenantId, key, contents }: OffboardRequest) {
  const { offboarding } = session.database;
  const grant = await session.authorize("tenant.manage", { tenantId, subjectId: "offboard" });
  const [keys, remains] = await Promise.all([offboarding.destroyedKeys(grant), offboarding.remains(grant)]);
  const { credentials, liveKeys, queuedSubmissions, actorsNotRevoked } = remains;
  const contentLeft = Object.values(remains.content).reduce((sum, count) => sum + count, liveKeys.content);
  if (
    credentials + liveKeys.credentials + queuedSubmissions + actorsNotRevoked > 0 ||
    (contents === "purged" && contentLeft > 0)
  )
    throw new OperationalError("run.fenced", "something of this tenant was written while it was offboarded");
  return {
    type: "mailfleet.offboarding",
    version: 1,
    issuedAt: session.now().toISOString(),
    tenant: { id: tenantId, key, namespace: grant.namespace },
    contents,
    destroyedKeys: keys,
    remains,
    backups: {
      // A shared wrapping key still opens what a copy from before holds: only the end of the copy ends that.
      mayHold: contents === "purged" ? ["credentials", "content"] : ["credentials"],
      writtenBefore:
        keys
          .map(({ destroyedAt }) => destroyedAt)
          .toSorted()
          .at(-1) ?? session.now().toISOString(),
      openWith: [...new Set(keys.map(({ keyId }) => keyId))],
      places: [
        "database backups and snapshots",
        "write-ahead log archives",
        "replicas that lag",
        "copies of the blob store",
      ],
    },
  };
}

import type { ProvisionedTenant, TenantRetention } from "@mailfleet/database";
import type { TenantId } from "@mailfleet/domain";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findTenant, missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { addTenantLifecycle } from "./tenant-lifecycle.ts";

export const addTenant: AddCommand = (program, run) => {
  const tenant = program.command("tenant").description("customers, each with one namespace");
  addLeaf(tenant, "list", "tenants, for an operator all of them", "tenant list").action((options: Options) =>
    run.asActor(options, async (session, print) => {
      print.rows(await listTenants(session), {
        key: ({ key }) => key,
        namespace: ({ namespace }) => namespace,
        state: ({ state }) => state,
        mailboxes: ({ mailboxesCount }) => mailboxesCount,
        created: ({ createdAt }) => createdAt,
        kept: ({ retention }) => sayRetention(retention),
      });
    }),
  );
  addLeaf(tenant, "show <key>", "one tenant with its limits", "tenant show acme").action(
    (key: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const { settings, ...found } = await showTenant(session, key);
        print.one(
          { ...found, settings },
          {
            ...{
              Key: found.key,
              Namespace: found.namespace,
              Id: found.id,
              State: found.state,
              Created: found.createdAt,
            },
            ...{ Mailboxes: found.mailboxesCount, Weight: settings?.weight ?? null },
            ...{ "Poll limits": sayLimits(settings?.poll), "Deliver limits": sayLimits(settings?.deliver) },
            ...{ "Least interval": sayBound(settings?.bounds?.intervalMsMin) },
            ...{ "Freshness bound": sayBound(settings?.bounds?.freshnessMs) },
            ...{ Kept: sayRetention(found.retention) },
          },
        );
      }),
  );
  addTenantLifecycle(tenant, run);
};

type TenantView = ReturnType<typeof toView> | Awaited<ReturnType<typeof ownTenant>>;

async function listTenants(session: Session): Promise<readonly Omit<TenantView, "settings">[]> {
  if (session.actor.tenantId !== null) return [withoutSettings(await ownTenant(session, session.actor.tenantId, null))];
  const grant = await session.authorize("fleet.read", {});
  return (await session.database.fleet.provisioning.tenants(grant)).map((tenant) => withoutSettings(toView(tenant)));
}

function withoutSettings({ settings: _, ...view }: TenantView) {
  return view;
}

async function showTenant(session: Session, key: string) {
  const tenantId = await findTenant(session, key, "tenant.read");
  if (session.actor.tenantId !== null) return ownTenant(session, tenantId, key);
  const grant = await session.authorize("fleet.read", { subjectId: tenantId });
  const found = (await session.database.fleet.provisioning.tenants(grant)).find(({ id }) => id === tenantId);
  if (!found) throw missing("tenant");
  return toView(found);
}

function toView({ id, key, namespace, state, createdAt, settings, mailboxes }: ProvisionedTenant) {
  const { retention = null } = settings;
  return { id, key, namespace, state, createdAt, mailboxesCount: mailboxes.length, settings, retention };
}

/** What a tenant's own actor knows of it: the gate's yes says that it is active, and which namespace it has. */
async function ownTenant(session: Session, tenantId: TenantId, key: string | null) {
  const { namespace } = await session.authorize("tenant.read", { tenantId });
  const unknown = { createdAt: null, mailboxesCount: null, settings: null, retention: null };
  return { id: tenantId, key, namespace, state: "active", ...unknown };
}

function sayBound(ms: number | null | undefined): string | null {
  if (ms === undefined) return null;
  return ms === null ? "the fleet's" : `${ms / 1_000} s`;
}

/** `messages 90 d, events 30 d`; what is not named is kept for ever. */
function sayRetention(retention: TenantRetention | null): string | null {
  if (retention === null) return null;
  const limited = Object.entries(retention).filter(([, days]) => days !== null);
  return limited.map(([kind, days]) => `${kind.replace("Days", "")} ${days} d`).join(", ") || "for ever";
}

function sayLimits(limits: ProvisionedTenant["settings"]["poll"] | undefined): string | null {
  if (limits === undefined) return null;
  return `${limits.ratePerSecond}/s, burst ${limits.burst}, ${limits.inFlightMax} at once`;
}

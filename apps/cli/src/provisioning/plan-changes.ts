import { isDeepStrictEqual } from "node:util";
import type { MailboxRow, MailboxSettings, ProvisionedTenant, TenantPolicy, TenantSettings } from "@mailfleet/database";
import type { MailboxId } from "@mailfleet/domain";
import { presetHop } from "@mailfleet/trust";
import type { Path } from "./locate-in-yaml.ts";
import { mailboxIdentity } from "./mailbox-identity.ts";
import type { WantedMailbox, WantedTenant } from "./read-tenants-file.ts";
import { sentCopyOf } from "./sent-copy-of.ts";
import { policyChanges } from "./tenant-policy-entry.ts";

export type MailboxStep = {
  readonly key: string;
  /** `verify`: nothing differs, but the mailbox is not active yet, so its login is tried again. */
  readonly action: "create" | "update" | "verify" | "unchanged" | "pause" | "skip";
  /** Names of settings, never what they are set to. */
  readonly changes: readonly string[];
  readonly wanted: WantedMailbox | null;
  readonly existing: MailboxRow | null;
};

export type TenantStep = {
  readonly key: string;
  readonly action: "create" | "update" | "unchanged" | "suspend";
  readonly changes: readonly string[];
  readonly wanted: WantedTenant | null;
  readonly existing: ProvisionedTenant | null;
  /** What of the tenant's policy is to be set. */
  readonly policy: Partial<TenantPolicy>;
  readonly mailboxes: readonly MailboxStep[];
};

export type PlanInput = {
  readonly wanted: readonly WantedTenant[];
  readonly existing: readonly ProvisionedTenant[];
  /** Existing mailboxes whose stored credential is not the wanted one, or that have none. */
  readonly credentialsDiffer: ReadonlySet<MailboxId>;
  /** Of existing tenants whose entry names one, by key. */
  readonly policies: ReadonlyMap<string, TenantPolicy>;
  readonly prune: boolean;
};

export type Conflict = { readonly path: Path; readonly message: string };

/** What would have to change, and nothing else is done: pure. */
export function planChanges({ wanted, existing, prune, ...known }: PlanInput): readonly TenantStep[] {
  const byKey = new Map(existing.map((tenant) => [tenant.key, tenant]));
  const steps = wanted.map((tenant) => planTenant(tenant, byKey.get(tenant.key) ?? null, { ...known, prune }));
  const named = new Set(wanted.map(({ key }) => key));
  const absent = prune ? existing.filter(({ key, state }) => !named.has(key) && state === "active") : [];
  return [...steps, ...absent.map(suspension)];
}

/** What no update can bring about: keys and namespaces stay what they are, and what is offboarded stays gone. */
export function findConflicts(
  wanted: readonly WantedTenant[],
  existing: readonly ProvisionedTenant[],
): readonly Conflict[] {
  const owners = new Map<string, string>(existing.map(({ namespace, key }) => [namespace, key]));
  return wanted.flatMap(({ key, namespace, path }) => {
    const known = existing.find((tenant) => tenant.key === key);
    if (known?.state === "offboarded")
      return [{ path: [...path, "key"], message: "this tenant was offboarded; its key is not used again" }];
    const named = { path: [...path, "namespace"] };
    if (known && known.namespace !== namespace) return [{ ...named, message: "a tenant's namespace never changes" }];
    const owner = owners.get(namespace);
    return owner !== undefined && owner !== key ? [{ ...named, message: "another tenant has this namespace" }] : [];
  });
}

function suspension(existing: ProvisionedTenant): TenantStep {
  return { key: existing.key, action: "suspend", changes: [], wanted: null, existing, policy: {}, mailboxes: [] };
}

type MailboxRules = Pick<PlanInput, "credentialsDiffer" | "prune">;
type TenantRules = MailboxRules & Pick<PlanInput, "policies">;

function planTenant(wanted: WantedTenant, existing: ProvisionedTenant | null, rules: TenantRules): TenantStep {
  const settings = tenantSettings(wanted);
  const policy = policyChanges(wanted.policy, rules.policies.get(wanted.key) ?? null);
  const policyNames = Object.keys(policy).map((name) => `policy.${name}`);
  const changes = existing ? [...differences({ ...settings }, { ...existing.settings }), ...policyNames] : [];
  const known = new Map(existing?.mailboxes.map((mailbox) => [mailbox.key, mailbox]));
  const skipped = existing !== null && existing.state !== "active";
  const planned = wanted.mailboxes.map((mailbox) => planMailbox(mailbox, known.get(mailbox.key) ?? null, rules));
  const mailboxes = skipped ? planned.map((step) => ({ ...step, action: "skip" as const, changes: [] })) : planned;
  const action = existing === null ? "create" : changes.length > 0 ? "update" : "unchanged";
  const absent = existing && rules.prune && !skipped ? planPauses(wanted, existing) : [];
  return { key: wanted.key, action, changes, wanted, existing, policy, mailboxes: [...mailboxes, ...absent] };
}

function planPauses(wanted: WantedTenant, { mailboxes }: ProvisionedTenant): readonly MailboxStep[] {
  const named = new Set(wanted.mailboxes.map(({ key }) => key));
  const absent = mailboxes.filter(
    ({ key, state }) => !named.has(key) && state !== "paused" && state !== "disconnected",
  );
  return absent.map((existing) => ({ key: existing.key, action: "pause", changes: [], wanted: null, existing }));
}

function planMailbox(wanted: WantedMailbox, existing: MailboxRow | null, rules: MailboxRules): MailboxStep {
  const { key } = wanted;
  if (existing === null) return { key, action: "create", changes: [], wanted, existing };
  const { identity, ...settings } = mailboxSettings(wanted);
  const { address, displayName, imap, smtp, folder, moreFolders, startFrom, backfillMs, senderTrust } = existing;
  const reading = { folder, moreFolders, startFrom, backfillMs, senderTrust };
  const stored = {
    address,
    displayName,
    imap,
    smtp,
    ...reading,
    aliases: existing.aliases,
    sentCopy: existing.sentCopy,
  };
  const changed = differences(settings, stored);
  const otherUser = !changed.includes("imap.host") && Buffer.compare(identity, existing.identity) !== 0;
  const credential = rules.credentialsDiffer.has(existing.id as MailboxId);
  const changes = [...changed, ...(otherUser ? ["credential.user"] : []), ...(credential ? ["credential"] : [])];
  if (changes.length > 0) return { key, action: "update", changes, wanted, existing };
  return { key, action: isProven(existing) ? "unchanged" : "verify", changes, wanted, existing };
}

export function tenantSettings({ weight, limits, polling, retention }: WantedTenant): TenantSettings {
  const ms = (seconds: number | undefined) => (seconds === undefined ? null : seconds * 1_000);
  const bounds = { intervalMsMin: ms(polling.intervalSecondsMin), freshnessMs: ms(polling.freshnessSeconds) };
  return { weight, bounds, retention, poll: limits.poll, deliver: limits.deliver };
}

export function mailboxSettings({
  address,
  displayName,
  imap,
  smtp,
  folder,
  folders,
  startFrom,
  backfillMs: wantedMs,
  user,
  senderTrust,
  aliases,
  sentCopy,
}: WantedMailbox) {
  const { trustedHop, internalDomains, trustedSealers } = senderTrust;
  const identity = mailboxIdentity({ host: imap.host, user });
  const moreFolders = [...new Set(folders)].filter((name) => name !== folder);
  const backfillMs = startFrom === "now" ? (wantedMs ?? 0) : 0;
  const reading = { folder, moreFolders, startFrom, backfillMs };
  return {
    ...{ address, displayName: displayName ?? null, imap, smtp: smtp ?? null, ...reading, identity },
    senderTrust: { trustedHop: trustedHop ?? presetHop(imap.host), internalDomains, trustedSealers },
    aliases: [...new Set(aliases)],
    sentCopy: sentCopyOf(sentCopy, smtp?.host),
  } satisfies MailboxSettings;
}

/** Where a login would notice the change, or is still owed. Other settings of a mailbox that works change without one. */
export function needsLogin({ action, changes, existing }: MailboxStep): boolean {
  if (action !== "update") return action === "create" || action === "verify";
  return !isProven(existing) || changes.some((change) => /^(imap|folder|moreFolders|credential)/.test(change));
}

function isProven(existing: MailboxRow | null): boolean {
  return existing?.state === "active" || existing?.state === "paused";
}

/** Dotted names of what differs, one level down: `poll.burst`. */
function differences(wanted: Record<string, unknown>, existing: Record<string, unknown>): readonly string[] {
  return Object.keys(wanted).flatMap((name) => {
    const [left, right] = [wanted[name], existing[name]];
    if (isDeepStrictEqual(left, right)) return [];
    if (!isRecord(left) || !isRecord(right)) return [name];
    return differences(left, right).map((inner) => `${name}.${inner}`);
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

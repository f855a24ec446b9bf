import { type ErrorCode, MailboxId, type MailSource, Namespace, OperationalError, TenantId } from "@mailfleet/domain";
import type { Session } from "../open-session.ts";
import { checkLogin } from "./check-login.ts";
import { openSignIn } from "./open-sign-in.ts";
import { type MailboxStep, mailboxSettings, needsLogin, type TenantStep, tenantSettings } from "./plan-changes.ts";
import type { WantedMailbox, WantedTenant } from "./read-tenants-file.ts";
import { recordAssertion } from "./record-assertion.ts";
import { credentialDiffers, putCredential } from "./store-credential.ts";

export type MailboxResult = {
  readonly tenant: string;
  readonly mailbox: string;
  readonly state: string;
  /** Why it is not active: an error code, or `login.taken`. Null where all went well. */
  readonly failure: ErrorCode | "login.taken" | null;
};

/** Logins at once: enough for thousands of mailboxes, and few enough for one provider. */
const loginsAtOnceMax = 8;

type Job = { readonly tenant: string; readonly tenantId: TenantId; readonly step: MailboxStep };

/** Carries a plan out. A mailbox whose login fails stops none of the others; what it was before is what it stays. */
export async function applyPlan(
  session: Session,
  source: MailSource,
  plan: readonly TenantStep[],
): Promise<readonly MailboxResult[]> {
  const jobs: Job[] = [];
  for (const step of plan) {
    const tenantId = await applyTenant(session, step);
    jobs.push(...step.mailboxes.map((mailbox) => ({ tenant: step.key, tenantId, step: mailbox })));
  }
  const results: (MailboxResult | null)[] = [];
  const queue = jobs.filter(({ step }) => step.action !== "unchanged" && step.action !== "skip").entries();
  const work = async () => {
    for (const [index, job] of queue) results[index] = await applyMailbox(session, source, job);
  };
  const ends = await Promise.allSettled(Array.from({ length: loginsAtOnceMax }, work)); // nobody is left at work behind us
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return results.filter((result) => result !== null);
}

async function applyTenant(session: Session, step: TenantStep): Promise<TenantId> {
  const { provisioning } = session.database.fleet;
  const { wanted, existing } = step;
  if (existing === null) {
    if (wanted === null) throw new Error("a step is about no tenant");
    const created = await createTenant(session, wanted);
    await applyPolicy(session, created, step);
    return created;
  }
  const tenantId = TenantId.parse(existing.id);
  if (step.action === "unchanged") return tenantId;
  const grant = await session.authorize("fleet.provision", { subjectId: tenantId });
  if (step.action === "suspend") await provisioning.setTenantState(grant, tenantId, "suspended");
  else if (wanted !== null) await provisioning.updateTenant(grant, tenantId, tenantSettings(wanted));
  await applyPolicy(session, tenantId, step);
  return tenantId;
}

/** Before any mailbox of the tenant is connected, so that its first message meets the policy. */
async function applyPolicy(session: Session, tenantId: TenantId, { policy }: TenantStep): Promise<void> {
  if (Object.keys(policy).length === 0) return;
  const grant = await session.authorize("policy.manage", { tenantId });
  await session.database.policies.change(grant, policy);
}

async function createTenant(session: Session, wanted: WantedTenant): Promise<TenantId> {
  const grant = await session.authorize("fleet.provision", {});
  const { key } = wanted;
  const tenant = { key, namespace: Namespace.parse(wanted.namespace), settings: tenantSettings(wanted) };
  const tenantId = await session.database.fleet.provisioning.createTenant(grant, tenant);
  if (tenantId !== null) return tenantId;
  throw new OperationalError(
    "resource.conflicting",
    `the key or namespace of tenant ${key} was taken at the same moment`,
  );
}

async function applyMailbox(session: Session, source: MailSource, job: Job): Promise<MailboxResult> {
  const { tenant, tenantId, step } = job;
  const result = { tenant, mailbox: step.key, failure: null };
  if (step.wanted === null) {
    if (step.existing === null) throw new Error("a step is about no mailbox");
    const mailboxId = MailboxId.parse(step.existing.id);
    const grant = await session.authorize("mailbox.manage", { tenantId, mailboxId });
    await session.database.mailboxes.setState(grant, mailboxId, "paused", "pruned");
    return { ...result, state: "paused" };
  }
  const mailboxId = step.existing ? MailboxId.parse(step.existing.id) : await createMailbox(session, job, step.wanted);
  if (!needsLogin(step)) {
    await updateMailbox(session, { tenantId, mailboxId, wanted: step.wanted });
    return { ...result, state: step.existing?.state ?? "pending" };
  }
  return { ...result, ...(await connectMailbox(session, source, { tenantId, mailboxId, step, wanted: step.wanted })) };
}

async function createMailbox(session: Session, { tenantId, step }: Job, wanted: WantedMailbox): Promise<MailboxId> {
  const grant = await session.authorize("fleet.provision", { subjectId: tenantId });
  return session.database.fleet.provisioning.createMailbox(grant, tenantId, step.key, mailboxSettings(wanted));
}

type Target = { readonly tenantId: TenantId; readonly mailboxId: MailboxId; readonly wanted: WantedMailbox };

async function updateMailbox(session: Session, { tenantId, mailboxId, wanted }: Target): Promise<void> {
  const grant = await session.authorize("fleet.provision", { subjectId: mailboxId });
  await session.database.fleet.provisioning.updateMailbox(grant, tenantId, mailboxId, mailboxSettings(wanted));
}

const access = (session: Session, { tenantId, mailboxId }: Target) =>
  session.authorize("credential.manage", { tenantId, mailboxId });

/**
 * Login first, then settings and credential, then the row says that it is proven. A login that fails leaves a working mailbox
 * as it was, on its old settings and credential; a mailbox that was not active is told why it still is not.
 */
async function connectMailbox(
  session: Session,
  source: MailSource,
  target: Target & { readonly step: MailboxStep },
): Promise<Pick<MailboxResult, "state" | "failure">> {
  const { tenantId, mailboxId, wanted, step } = target;
  const { mailboxes } = session.database;
  const before = step.existing?.state ?? "pending";
  // What waits for its first proof has nothing that works, and its proof is about the address in its row.
  const isNew = before === "pending" || before === "disconnected";
  if (isNew && step.action === "update") await updateMailbox(session, target);
  const signIn = await signInAsProven(session, target);
  const failure = "code" in signIn ? signIn.code : await checkLogin(source, wanted, signIn.login);
  const grant = await session.authorize("mailbox.manage", { tenantId, mailboxId });
  if (failure !== null) {
    if (before !== "active" && before !== "paused") await mailboxes.setState(grant, mailboxId, before, failure);
    return { state: before, failure };
  }

  if (!isNew && step.action === "update") await updateMailbox(session, target);
  if (!("code" in signIn) && signIn.toStore !== null) {
    await putCredential(session, await access(session, target), mailboxId, signIn.toStore);
  }
  const state = before === "paused" ? "paused" : "active"; // only a person resumes it
  if (await mailboxes.prove(grant, mailboxId, state)) return { state, failure: null };
  await mailboxes.setState(grant, mailboxId, "pending", "login.taken");
  return { state: "pending", failure: "login.taken" };
}

async function signInAsProven(session: Session, target: Target) {
  const { mailboxId, wanted } = target;
  const refusal = await recordAssertion(session, target);
  if (refusal !== null) return { code: refusal };
  const differs = await credentialDiffers(session, await access(session, target), mailboxId, wanted);
  return openSignIn(session, { ...target, differs });
}

import { MailboxId, MessageId, newId, OperationalError, SubmissionId, TenantId } from "@mailfleet/domain";
import type { TenantAction } from "@mailfleet/gate";
import { z } from "zod";
import { UsageError } from "./faults.ts";
import type { Session } from "./open-session.ts";

/**
 * The tenant a command is about: the one it names, else the actor's own. Whoever belongs to a tenant learns nothing from a
 * name that does not exist: the gate refuses it like any other tenant's.
 *
 * @throws OperationalError `resource.missing`, `gate.denied`
 */
export async function findTenant(session: Session, key: string | undefined, action: TenantAction): Promise<TenantId> {
  const { actor, database } = session;
  if (key === undefined) {
    if (actor.tenantId !== null) return actor.tenantId;
    throw new UsageError("an operator belongs to no tenant", "Name the tenant with --tenant KEY.");
  }
  const tenantId = await database.directory.tenantByKey(key);
  if (tenantId !== null) return tenantId;
  if (actor.tenantId !== null) await session.authorize(action, { tenantId: newId(TenantId) });
  throw missing("tenant");
}

export async function findMailbox(session: Session, tenantId: TenantId, key: string): Promise<MailboxId> {
  const mailboxId = await session.database.directory.mailboxByKey(tenantId, key);
  return mailboxId ?? refuse(session, tenantId, { action: "mailbox.read", what: "mailbox" });
}

/** `TENANT/KEY`, or `KEY` in the actor's own tenant. */
export async function findNamedMailbox(session: Session, name: string, action: TenantAction) {
  const [first = "", second, ...more] = name.split("/");
  if (first === "" || second === "" || more.length > 0)
    throw new UsageError("a mailbox is named TENANT/KEY", "Such as acme/support.");
  const tenantId = await findTenant(session, second === undefined ? undefined : first, action);
  return { tenantId, mailboxId: await findMailbox(session, tenantId, second ?? first) };
}

export async function findMessage(
  session: Session,
  tenantId: TenantId,
  text: string,
  action: TenantAction = "message.read",
) {
  checkId(text, "message");
  const messageId = MessageId.parse(text);
  const mailboxId = await session.database.directory.mailboxOfMessage(tenantId, messageId);
  return {
    messageId,
    mailboxId: mailboxId ?? (await refuse(session, tenantId, { action, what: "message" })),
  };
}

export async function findSubmission(session: Session, tenantId: TenantId, text: string) {
  checkId(text, "submission");
  const submissionId = SubmissionId.parse(text);
  const mailboxId = await session.database.directory.mailboxOfSubmission(tenantId, submissionId);
  return {
    submissionId,
    mailboxId: mailboxId ?? (await refuse(session, tenantId, { action: "submission.read", what: "submission" })),
  };
}

export function missing(what: string): OperationalError {
  return new OperationalError("resource.missing", `there is no such ${what}`);
}

/** What is not there has no mailbox to ask the gate about, so it is asked about the tenant: only who may look there hears that it is missing. */
async function refuse(
  session: Session,
  tenantId: TenantId,
  asked: { action: TenantAction; what: string },
): Promise<never> {
  await session.authorize(asked.action, { tenantId });
  throw missing(asked.what);
}

function checkId(text: string, what: string): void {
  if (z.uuid().safeParse(text).success) return;
  throw new UsageError(`the ${what}'s id is not one`, `\`mailfleet ${what} list\` shows the ids.`);
}

export type TenantRef = { readonly tenantId: TenantId; readonly key: string | null };

/** The tenants a list is about: the one it names, else the actor's own, else for operators all of them. */
export async function findTenants(
  session: Session,
  key: string | undefined,
  action: TenantAction,
): Promise<readonly TenantRef[]> {
  if (key !== undefined || session.actor.tenantId !== null)
    return [{ tenantId: await findTenant(session, key, action), key: key ?? null }];
  const grant = await session.authorize("fleet.read", {});
  const tenants = await session.database.fleet.provisioning.tenants(grant);
  const standing = tenants.filter(({ state }) => state !== "offboarded"); // of the others nothing is left to read
  return standing.map((tenant) => ({ tenantId: TenantId.parse(tenant.id), key: tenant.key }));
}

/** Which mailboxes to ask the gate about: the named one, else those the token is bound to, else (null) the tenant as a whole. */
export async function findScope(
  session: Session,
  tenantId: TenantId,
  mailboxKey: string | undefined,
): Promise<readonly (MailboxId | null)[]> {
  if (mailboxKey !== undefined) return [await findMailbox(session, tenantId, mailboxKey)];
  return session.actor.mailboxIds ?? [null];
}

/** A resource with a mailbox where there is one. */
export function resourceOf(tenantId: TenantId, mailboxId: MailboxId | null) {
  return mailboxId === null ? { tenantId } : { tenantId, mailboxId: MailboxId.parse(mailboxId) };
}

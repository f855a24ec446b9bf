import { createHash } from "node:crypto";
import type { MailboxId, MailServer } from "@mailfleet/domain";
import { Namespace } from "@mailfleet/domain";
import { createActor, type Fleet, type TestTenant } from "./open-fleet.ts";

const plenty = { ratePerSecond: 1_000, burst: 1_000, inFlightMax: 1_000 };

export async function addTenant(fleet: Fleet, key: string): Promise<TestTenant> {
  const { database, gate, operator } = fleet;
  const grant = await gate.authorize({ actor: operator, action: "fleet.provision", resource: {} });
  const settings = { weight: 1, poll: plenty, deliver: plenty };
  const tenantId = await database.fleet.provisioning.createTenant(grant, {
    key,
    namespace: Namespace.parse(key),
    settings,
  });
  if (tenantId === null) throw new Error(`there is a tenant ${key} already`);
  const managing = await gate.authorize({ actor: operator, action: "actor.manage", resource: { tenantId } });
  return { tenantId, agent: await createActor(database, managing, { kind: "agent", name: `${key}-agent` }) };
}

export type NewMailbox = {
  /** Its key too; also the login. */
  readonly address: string;
  readonly password: string;
  readonly imap: MailServer;
  readonly smtp?: MailServer;
};

/** Provisioned and given its credential, but not proven: nothing is due before `activate`. */
export async function addMailbox(fleet: Fleet, { tenantId }: TestTenant, mailbox: NewMailbox): Promise<MailboxId> {
  const { database, gate, operator } = fleet;
  const { address, password, imap, smtp = null } = mailbox;
  const grant = await gate.authorize({ actor: operator, action: "fleet.provision", resource: {} });
  const mailboxId = await database.fleet.provisioning.createMailbox(grant, tenantId, address, {
    address,
    displayName: null,
    imap,
    smtp,
    folder: "INBOX",
    startFrom: "beginning",
    identity: createHash("sha256").update(`${imap.host} ${imap.port} ${address}`).digest(),
  });
  await putPassword(fleet, { tenantId, mailboxId, user: address, password });
  return mailboxId;
}

type Password = {
  readonly tenantId: TestTenant["tenantId"];
  readonly mailboxId: MailboxId;
  readonly user: string;
  readonly password: string;
};

export async function putPassword(fleet: Fleet, { tenantId, mailboxId, user, password }: Password): Promise<void> {
  const { gate, credentials, operator } = fleet;
  const grant = await gate.authorize({
    actor: operator,
    action: "credential.manage",
    resource: { tenantId, mailboxId },
  });
  const signal = AbortSignal.timeout(10_000);
  await credentials.put(grant, mailboxId, { flow: "password", material: { user, password } }, { signal });
}

/** As after a proven login: the mailbox is due at once. */
export async function activate(fleet: Fleet, { tenantId }: TestTenant, mailboxId: MailboxId): Promise<void> {
  const { gate, database, operator } = fleet;
  const grant = await gate.authorize({ actor: operator, action: "mailbox.manage", resource: { tenantId, mailboxId } });
  if (!(await database.mailboxes.prove(grant, mailboxId))) throw new Error("the mailbox is proven elsewhere");
}

/** A mailbox that is polled from now on. */
export async function addActiveMailbox(fleet: Fleet, tenant: TestTenant, mailbox: NewMailbox): Promise<MailboxId> {
  const mailboxId = await addMailbox(fleet, tenant, mailbox);
  await activate(fleet, tenant, mailboxId);
  return mailboxId;
}

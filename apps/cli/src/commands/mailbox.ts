import type { CursorRow, MailboxRow, MailboxStop, ProvenBinding } from "@mailfleet/database";
import { MailboxId } from "@mailfleet/domain";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findNamedMailbox, findTenants, missing, type resourceOf } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { addMailboxConnect } from "./mailbox-connect.ts";
import { addMailboxLifecycle } from "./mailbox-lifecycle.ts";
import { addMailboxProve } from "./mailbox-prove.ts";

type ListOptions = Options & { readonly tenant?: string };

export const addMailbox: AddCommand = (program, run) => {
  const mailbox = program.command("mailbox").description("addresses that are read and sent from");
  addLeaf(mailbox, "list", "mailboxes with their state", "mailbox list --tenant acme")
    .option("--tenant <key>", "only this tenant's")
    .action((options: ListOptions) =>
      run.asActor(options, async (session, print) => {
        print.rows(await listMailboxes(session, options), {
          tenant: ({ tenant }) => tenant,
          key: ({ key }) => key,
          address: ({ address }) => address,
          state: ({ state }) => state,
          reason: ({ stateReason, lastFailure }) => stateReason ?? lastFailure,
          "next due": ({ nextDue }) => nextDue,
          "stale since": ({ staleSince }) => staleSince,
        });
      }),
    );
  addLeaf(mailbox, "show <name>", "one mailbox with its cursors", "mailbox show acme/support").action(
    (name: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const { cursors, ...shown } = await showMailbox(session, name);
        const servers = { Imap: sayServer(shown.imap), Smtp: sayServer(shown.smtp) };
        print.one(
          { ...shown, cursors },
          {
            ...{ Key: shown.key, Id: shown.id, Address: shown.address, Name: shown.displayName },
            ...{ Aliases: shown.aliases.join(", ") || null, ...servers },
            ...{ State: shown.state, Reason: shown.stateReason, "Last failure": shown.lastFailure },
            ...{ "Results believed": sayHop(shown.senderTrust.trustedHop), ...saySenderTrust(shown.senderTrust) },
            ...{
              "Proven to be": sayBinding(shown.binding),
              "Proven at": shown.provenAt,
              [shown.state === "needs-attention" ? "Tried again at" : "Next due"]: shown.nextDue,
              Epoch: shown.epoch,
            },
            ...{ "Sent copies": shown.sentCopy },
            ...{ "Sending stopped": sayStop(shown.sendingStopped) },
            ...{ "Stale since": shown.staleSince, "Held by": shown.workerId },
          },
        );
        print.table(cursors, {
          folder: ({ folder }) => folder,
          uidvalidity: ({ uidValidity }) => String(uidValidity),
          "last uid": ({ lastUid }) => lastUid,
          checked: ({ checkedAt }) => checkedAt,
          epoch: ({ epoch }) => epoch,
        });
      }),
  );
  addMailboxConnect(mailbox, run);
  addMailboxLifecycle(mailbox, run);
  addMailboxProve(mailbox, run);
};

async function listMailboxes(session: Session, { tenant }: ListOptions) {
  const tenants = await findTenants(session, tenant, "mailbox.read");
  const lists = tenants.map(async ({ tenantId, key }) => {
    const rows = await readableMailboxes(session, tenantId);
    return rows.map((row) => ({ tenant: key, ...toView(row) }));
  });
  return (await Promise.all(lists)).flat();
}

/** A token that is bound to mailboxes may see each of them, and not the tenant's list. */
export async function readableMailboxes(
  session: Session,
  tenantId: Parameters<typeof resourceOf>[0],
): Promise<readonly MailboxRow[]> {
  const { actor, database } = session;
  if (actor.mailboxIds === null) return database.mailboxes.list(await session.authorize("mailbox.read", { tenantId }));
  const rows = actor.mailboxIds.map(async (mailboxId) =>
    database.mailboxes.find(await session.authorize("mailbox.read", { tenantId, mailboxId }), mailboxId),
  );
  return (await Promise.all(rows)).filter((row) => row !== null);
}

async function showMailbox(session: Session, name: string) {
  const { tenantId, mailboxId } = await findNamedMailbox(session, name, "mailbox.read");
  const grant = await session.authorize("mailbox.read", { tenantId, mailboxId });
  const row = await session.database.mailboxes.find(grant, mailboxId);
  if (row === null) throw missing("mailbox");
  const cursors = await session.database.mailboxes.cursors(grant, MailboxId.parse(mailboxId));
  const sendingStopped = await session.database.mailboxStops.find(grant, mailboxId);
  const binding = await session.database.bindings.find(grant, mailboxId);
  return { ...toView(row), binding, sendingStopped, cursors: cursors.map(toCursorView) };
}

function toView(row: MailboxRow) {
  const { id, key, address, displayName, imap, smtp, folder, startFrom, state, stateReason, lastFailure } = row;
  const { provenAt, createdAt, workState, nextDue, epoch, failuresCount, staleSince, workerId, senderTrust } = row;
  const settings = {
    id,
    key,
    address,
    aliases: row.aliases,
    displayName,
    imap,
    smtp,
    sentCopy: row.sentCopy,
    folder,
    startFrom,
    senderTrust,
  };
  return {
    ...settings,
    state,
    stateReason,
    lastFailure,
    provenAt,
    createdAt,
    workState,
    nextDue,
    epoch,
    failuresCount,
    staleSince,
    workerId,
  };
}

function toCursorView({ folder, uidValidity, lastUid, highestModseq, startedAt, checkedAt, epoch }: CursorRow) {
  return { folder, uidValidity, lastUid, highestModseq, startedAt, checkedAt, epoch };
}

function sayStop(stop: MailboxStop | null): string | null {
  return stop === null ? null : `until ${stop.until.toISOString()} (${stop.reason})`;
}

function sayBinding(binding: ProvenBinding | null): string | null {
  return binding === null ? null : `${binding.provider} ${binding.directory ?? ""} (${binding.proof})`;
}

function sayServer(server: MailboxRow["smtp"]): string | null {
  return server === null ? null : `${server.host}:${server.port} (${server.security})`;
}

/** Whose Authentication-Results count in this mailbox. */
function sayHop(hop: MailboxRow["senderTrust"]["trustedHop"]): string {
  if (hop.kind === "none") return "nobody's; signatures are checked here";
  return hop.kind === "microsoft-365" ? "Microsoft 365, the topmost" : `of ${hop.id}`;
}

function saySenderTrust({ internalDomains, trustedSealers }: MailboxRow["senderTrust"]) {
  return { "Own domains": internalDomains.join(", ") || null, "Trusted sealers": trustedSealers.join(", ") || null };
}

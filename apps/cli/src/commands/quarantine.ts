import { parseAtEdge, shownAsData } from "@mailfleet/domain";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findMessage, findScope, findTenant, missing, resourceOf } from "../find-resources.ts";
import { shownAddress } from "../messages/list-messages.ts";
import { StoredBody } from "../messages/show-message.ts";
import type { Session } from "../open-session.ts";
import { parseCount } from "../parse-options.ts";

type TenantOptions = Options & { readonly tenant?: string };
type ListOptions = TenantOptions & { readonly mailbox?: string; readonly limit: number };

const exampleId = "01980000-0000-7000-8000-000000000001";

/** Held messages. Who runs the fleet sees that there are some and why; what they say is shown to the tenant's services alone. */
export const addQuarantine: AddCommand = (program, run) => {
  const quarantine = program.command("quarantine").description("messages that are held, and why");
  addLeaf(quarantine, "list", "held messages, newest first", "quarantine list --tenant acme")
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .option("--mailbox <key>", "only of this mailbox")
    .option("--limit <n>", "at most so many", parseCount, 50)
    .action((options: ListOptions) =>
      run.asActor(options, async (session, print) => {
        print.rows(await listHeld(session, options), {
          id: ({ id }) => id,
          received: ({ receivedAt }) => receivedAt,
          reason: ({ reason }) => reason,
          sender: ({ senderVerdict }) => senderVerdict,
          flags: ({ flags }) => flags.join(", ") || null,
          bytes: ({ sizeBytes }) => sizeBytes,
        });
      }),
    );
  addShow(quarantine, run);
  addEnding(quarantine, run, {
    name: "release",
    summary: "deliver a held message, announced as received",
    to: "released",
  });
  addEnding(quarantine, run, { name: "delete", summary: "take a held message's content away for good", to: "deleted" });
};

async function listHeld(session: Session, { tenant, mailbox, limit }: ListOptions) {
  const tenantId = await findTenant(session, tenant, "quarantine.list");
  const lists = (await findScope(session, tenantId, mailbox)).map(async (mailboxId) => {
    const grant = await session.authorize("quarantine.list", resourceOf(tenantId, mailboxId));
    return session.database.quarantine.list(grant, limit);
  });
  const rows = (await Promise.all(lists)).flat().toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return rows.slice(0, limit);
}

function addShow(quarantine: Command, run: CommandLine): void {
  addLeaf(quarantine, "show <id>", "one held message, as a service of its tenant", `quarantine show ${exampleId}`)
    .option("--tenant <key>", "the message's tenant; the actor's own where it is left out")
    .action((id: string, options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const shown = await showHeld(session, id, options);
        const say = (people: typeof shown.claimedFrom) => people.map(({ address }) => address).join(", ") || null;
        print.one(shown, {
          ...{ Id: shown.id, Reason: shown.reason, Sender: shown.senderVerdict, Flags: shown.flags.join(", ") || null },
          ...{ "Claims to be from": say(shown.claimedFrom), Subject: shown.subject, Received: shown.receivedAt },
        });
        print.table(shown.attachments, {
          position: ({ position }) => position,
          name: ({ filename }) => filename,
          type: ({ contentType }) => contentType,
          bytes: ({ sizeBytes }) => sizeBytes,
        });
        if (shown.text !== null) print.text(`\n${shown.text}`);
      }),
    );
}

async function showHeld(session: Session, text: string, { tenant }: TenantOptions) {
  const { tenantId, mailboxId, messageId } = await findHeld(session, text, { tenant, action: "quarantine.read" });
  const grant = await session.authorize("quarantine.read", { tenantId, mailboxId, subjectId: messageId });
  const row = await session.database.quarantine.find(grant, messageId);
  if (row === null) throw missing("held message");
  const attachments = await session.database.messages.attachments(grant, messageId);
  const body = row.body && (await Array.fromAsync(session.blobs().read(grant, row.body)));
  const stored = body && parseAtEdge(StoredBody, JSON.parse(Buffer.concat(body).toString("utf8")), "stored body");
  const { id, quarantineReason: reason, senderVerdict, senderEvidence, flags, verdicts, receivedAt, sizeBytes } = row;
  return {
    ...{ id, mailboxId, reason, senderVerdict, senderEvidence, flags, verdicts, receivedAt, sizeBytes },
    subject: shownAsData(row.envelope.subject),
    claimedFrom: row.envelope.from.map(shownAddress),
    text: stored?.text ?? null,
    attachments: attachments.map((file) => ({
      position: file.position,
      filename: shownAsData(file.filename),
      contentType: shownAsData(file.contentType),
      sizeBytes: file.sizeBytes,
    })),
  };
}

type Ending = { readonly name: "release" | "delete"; readonly summary: string; readonly to: string };

/** Each is one row of the audit log, with the message's id. */
function addEnding(quarantine: Command, run: CommandLine, { name, summary, to }: Ending): void {
  addLeaf(quarantine, `${name} <id>`, summary, `quarantine ${name} ${exampleId}`)
    .option("--tenant <key>", "the message's tenant; the actor's own where it is left out")
    .action((id: string, options: TenantOptions) =>
      run.asActor(options, async (session, print) => {
        const { tenant } = options;
        const { tenantId, mailboxId, messageId } = await findHeld(session, id, { tenant, action: "quarantine.manage" });
        const grant = await session.authorize("quarantine.manage", { tenantId, mailboxId, subjectId: messageId });
        await session.database.quarantine[name](grant, messageId);
        print.one({ id: messageId, state: to }, { Id: messageId, State: to });
      }),
    );
}

type Held = { readonly tenant: string | undefined; readonly action: "quarantine.read" | "quarantine.manage" };

async function findHeld(session: Session, text: string, { tenant, action }: Held) {
  const tenantId = await findTenant(session, tenant, action);
  const { messageId, mailboxId } = await findMessage(session, tenantId, text, action);
  return { tenantId, mailboxId, messageId };
}

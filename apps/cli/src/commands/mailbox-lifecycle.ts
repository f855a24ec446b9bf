import type { MailboxRow } from "@mailfleet/database";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import { OperationalError } from "@mailfleet/domain";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findNamedMailbox, missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";

/** From `mailfleet mailbox`: what moves a mailbox from one state to another. Each of them twice is once. */
export const addMailboxLifecycle: AddCommand = (mailbox, run) => {
  addLeaf(mailbox, "pause <name>", "stop polling and sending at once", "mailbox pause acme/support").action(
    (name: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const { mailboxId, grant, before } = await manageMailbox(session, name);
        if (before.state !== "paused")
          await session.database.mailboxes.setState(grant, mailboxId, "paused", "paused by an operator");
        print.one({ id: mailboxId, state: "paused" }, { Mailbox: name, State: "paused" });
      }),
  );
  addLeaf(mailbox, "resume <name>", "go on polling and sending", "mailbox resume acme/support").action(
    (name: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const { mailboxId, grant, before } = await manageMailbox(session, name);
        if (before.provenAt === null) throw unproven();
        // Also of an active one: what its server had refused is tried again.
        await session.database.mailboxes.setState(grant, mailboxId, "active", null);
        print.one({ id: mailboxId, state: "active" }, { Mailbox: name, State: "active" });
      }),
  );
  const summary = "end all access for good: its credential is destroyed, what waits to be sent is cancelled";
  addLeaf(mailbox, "disconnect <name>", summary, "mailbox disconnect acme/support").action(
    (name: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const { rememberCredential, tellProvider } = await import("../lifecycle/tell-provider.ts");
        const { tenantId, mailboxId, grant } = await manageMailbox(session, name);
        const remembered = await rememberCredential(session, { tenantId, mailboxId });
        const ended = await session.database.mailboxLifecycle.disconnect(grant, mailboxId);
        const provider = await tellProvider(session, remembered);
        print.one(
          { id: mailboxId, state: "disconnected", ...ended, provider },
          {
            ...{ Mailbox: name, State: "disconnected", "Credentials destroyed": ended.credentialsDestroyed },
            ...{ "Submissions cancelled": ended.submissionsCancelled, "At its provider": provider },
          },
        );
      }),
  );
};

function unproven(): OperationalError {
  const message = "this mailbox has never signed in, or was disconnected; `mailfleet provision` connects it";
  return new OperationalError("resource.conflicting", message);
}

async function manageMailbox(session: Session, name: string) {
  const { tenantId, mailboxId } = await findNamedMailbox(session, name, "mailbox.manage");
  const grant = await session.authorize("mailbox.manage", { tenantId, mailboxId });
  return { tenantId, mailboxId, grant, before: await readMailbox(session, tenantId, mailboxId) };
}

export async function readMailbox(session: Session, tenantId: TenantId, mailboxId: MailboxId): Promise<MailboxRow> {
  const grant = await session.authorize("mailbox.read", { tenantId, mailboxId });
  const row = await session.database.mailboxes.find(grant, mailboxId);
  if (row === null) throw missing("mailbox");
  return row;
}

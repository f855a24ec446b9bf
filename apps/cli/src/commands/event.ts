import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findScope, findTenant, resourceOf } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseCount, parseSequence } from "../parse-options.ts";

type ListOptions = Options & {
  readonly tenant?: string;
  readonly mailbox?: string;
  readonly after: number;
  readonly limit: number;
};

export const addEvent: AddCommand = (program, run) => {
  const event = program.command("event").description("what happened in mailboxes");
  addLeaf(event, "list", "events by mailbox, each mailbox's in order", "event list --mailbox support --after 120")
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .option("--mailbox <key>", "only of this mailbox")
    .option("--after <seq>", "only what came after this number in its mailbox", parseSequence, 0)
    .option("--limit <n>", "at most so many", parseCount, 100)
    .action((options: ListOptions) =>
      run.asActor(options, async (session, print) => {
        print.rows(await listEvents(session, options), {
          mailbox: ({ mailboxId }) => mailboxId,
          seq: ({ seq }) => seq,
          type: ({ type }) => type,
          subject: ({ subjectId }) => subjectId,
          at: ({ at }) => at,
        });
      }),
    );
};

async function listEvents(session: Session, { tenant, mailbox, after, limit }: ListOptions) {
  const tenantId = await findTenant(session, tenant, "event.read");
  const scope = await findScope(session, tenantId, mailbox);
  const lists = scope.map(async (mailboxId) => {
    const grant = await session.authorize("event.read", resourceOf(tenantId, mailboxId));
    return session.database.events.listAfter(grant, { seq: after, limit });
  });
  const rows = (await Promise.all(lists)).flat().slice(0, limit);
  return rows.map(({ mailboxId, seq, type, subjectId, namespace, at }) => ({
    mailboxId,
    seq,
    type,
    subjectId,
    namespace,
    at,
  }));
}

import type { SubmissionRow } from "@mailfleet/database";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { findScope, findSubmission, findTenant, findTenants, missing, resourceOf } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseCount } from "../parse-options.ts";
import { addReleaseSubmission } from "./release-submission.ts";
import { addSubmissionEndings } from "./submission-endings.ts";

type ListOptions = Options & { readonly tenant?: string; readonly mailbox?: string; readonly limit: number };
type ShowOptions = Options & { readonly tenant?: string };

export const addSubmission: AddCommand = (program, run) => {
  const submission = program.command("submission").description("outbound messages and how they fare");
  addReleaseSubmission(submission, run);
  addLeaf(submission, "list", "submissions, newest first", "submission list --tenant acme")
    .option("--tenant <key>", "only this tenant's")
    .option("--mailbox <key>", "only of this mailbox; needs --tenant where you are an operator")
    .option("--limit <n>", "at most so many", parseCount, 50)
    .action((options: ListOptions) =>
      run.asActor(options, async (session, print) => {
        print.rows(await listSubmissions(session, options), {
          id: ({ id }) => id,
          namespace: ({ namespace }) => namespace,
          state: ({ state }) => state,
          reason: ({ stateReason }) => stateReason,
          attempts: ({ attemptsCount }) => attemptsCount,
          created: ({ createdAt }) => createdAt,
          final: ({ finalAt }) => finalAt,
        });
      }),
    );
  addLeaf(
    submission,
    "show <id>",
    "one submission with its recipients",
    "submission show 01980000-0000-7000-8000-000000000001",
  )
    .option("--tenant <key>", "its tenant; the actor's own where it is left out")
    .action((id: string, options: ShowOptions) =>
      run.asActor(options, async (session, print) => {
        const { recipients, ...shown } = await showSubmission(session, id, options);
        print.one(
          { ...shown, recipients },
          {
            ...{ Id: shown.id, State: shown.state, Reason: shown.stateReason, "Message-ID": shown.messageIdHeader },
            ...{
              "Server's Message-ID": shown.serverMessageId,
              Thread: shown.threadId,
              Answers: shown.answersMessageId,
            },
            ...{ Attempts: shown.attemptsCount, "First attempt": shown.firstAttemptAt, "Next attempt": shown.nextDue },
            ...{
              Expires: shown.expiresAt,
              Created: shown.createdAt,
              Final: shown.finalAt,
              "Idempotency key": shown.idempotencyKey,
            },
          },
        );
        print.table(recipients, {
          recipient: ({ address }) => address,
          state: ({ state }) => state,
          code: ({ code, enhancedCode }) => [code, enhancedCode].filter((part) => part !== null).join(" ") || null,
          attempts: ({ attemptsCount }) => attemptsCount,
        });
      }),
    );
  addSubmissionEndings(submission, run);
};

async function listSubmissions(session: Session, { tenant, mailbox, limit }: ListOptions) {
  const tenants =
    mailbox === undefined
      ? await findTenants(session, tenant, "submission.read")
      : [{ tenantId: await findTenant(session, tenant, "submission.read") }];
  const lists = tenants.map(async ({ tenantId }) => {
    const scope = await findScope(session, tenantId, mailbox);
    const rows = scope.map(async (mailboxId) => {
      const grant = await session.authorize("submission.read", resourceOf(tenantId, mailboxId));
      return session.database.submissions.list(grant, limit);
    });
    return (await Promise.all(rows)).flat();
  });
  const rows = (await Promise.all(lists)).flat().toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return rows.slice(0, limit).map(toView);
}

async function showSubmission(session: Session, id: string, { tenant }: ShowOptions) {
  const tenantId = await findTenant(session, tenant, "submission.read");
  const { submissionId, mailboxId } = await findSubmission(session, tenantId, id);
  const grant = await session.authorize("submission.read", { tenantId, mailboxId, subjectId: submissionId });
  const row = await session.database.submissions.find(grant, submissionId);
  if (row === null) throw missing("submission");
  const recipients = await session.database.submissions.recipients(grant, submissionId);
  return {
    ...toView(row),
    recipients: recipients.map(({ address, state, attemptsCount, code, enhancedCode, changedAt }) => {
      return { address, state, attemptsCount, code, enhancedCode, changedAt };
    }),
  };
}

function toView(row: SubmissionRow) {
  const { id, mailboxId, namespace, actorId, idempotencyKey, state, stateReason, nextDue, epoch } = row;
  const { attemptsCount, failuresCount, firstAttemptAt, messageIdHeader, serverMessageId, threadId } = row;
  const { answersMessageId, sizeBytes, expiresAt, createdAt, finalAt } = row;
  return {
    ...{ id, mailboxId, namespace, actorId, idempotencyKey, state, stateReason, nextDue, epoch },
    ...{ attemptsCount, failuresCount, firstAttemptAt, messageIdHeader, serverMessageId, threadId },
    ...{ answersMessageId, sizeBytes, expiresAt, createdAt, finalAt },
  };
}

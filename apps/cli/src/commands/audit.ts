import type { AuditRow } from "@mailfleet/database";
import { Option } from "commander";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { parseCount } from "../parse-options.ts";

type ListOptions = Options & { readonly outcome?: AuditRow["outcome"]; readonly limit: number };

export const addAudit: AddCommand = (program, run) => {
  const audit = program.command("audit").description("what the gate decided");
  addLeaf(audit, "list", "decisions, newest first", "audit list --outcome denied")
    .addOption(new Option("--outcome <outcome>", "only these").choices(["allowed", "denied", "failed", "discarded"]))
    .option("--limit <n>", "at most so many", parseCount, 50)
    .action((options: ListOptions) =>
      run.asActor(options, async (session, print) => {
        const { outcome, limit } = options;
        const grant = await session.authorize("fleet.read", {});
        const rows = await session.database.audit.list(grant, { ...(outcome === undefined ? {} : { outcome }), limit });
        print.rows(rows, {
          at: ({ at }) => at,
          actor: ({ actorKind, actorId }) => `${actorKind} ${actorId}`,
          action: ({ action }) => action,
          outcome: (row) => row.outcome,
          reason: ({ reason }) => reason,
          mailbox: ({ mailboxId }) => mailboxId,
          subject: ({ subjectId }) => subjectId,
        });
      }),
    );
};

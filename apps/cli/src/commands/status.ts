import { type AddCommand, addLeaf, type Options } from "../command-line.ts";

export const addStatus: AddCommand = (program, run) => {
  addLeaf(program, "status", "the fleet at a glance, by tenant", "status --json").action((options: Options) =>
    run.asActor(options, async (session, print) => {
      const grant = await session.authorize("fleet.read", {});
      const tenants = await session.database.fleet.status.tenants(grant);
      print.result({ tenants });
      print.table(tenants, {
        tenant: ({ tenant }) => tenant,
        state: ({ state }) => state,
        active: ({ mailboxesActive }) => mailboxesActive,
        "not active": ({ mailboxesNotActive }) => mailboxesNotActive,
        "in flight": ({ inFlight }) => inFlight,
        "lag s": ({ lagSeconds }) => lagSeconds.toFixed(1),
        "oldest check s": ({ oldestCheckSeconds }) => oldestCheckSeconds?.toFixed(1) ?? null,
        stale: ({ mailboxesStale }) => mailboxesStale,
        warm: ({ mailboxesWarm }) => mailboxesWarm,
        messages: ({ messages }) => messages,
        waiting: ({ submissionsWaiting }) => submissionsWaiting,
        uncertain: ({ submissionsUncertain }) => submissionsUncertain,
      });
    }),
  );
};

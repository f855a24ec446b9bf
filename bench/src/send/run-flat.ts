import { cpuMsOfTrees, elapsed } from "../process-cpu.ts";
import { type FleetPart, type SendFleet, type SendTenant, userName } from "./open-send-fleet.ts";
import { runFleet, runReference, type SendRun } from "./run-sends.ts";

/** `cpuMsPerMessage`: of scheduler, send workers, PostgreSQL and queue; handing in and the mail server are not in it. */
export type CountedRun = SendRun & { readonly cpuMsPerMessage: Readonly<Record<FleetPart, number>> };

/** The same number of messages from many mailboxes and from one. */
export type FlatRun = {
  readonly many: CountedRun;
  readonly one: CountedRun;
  /** Bare nodemailer with a connection for each message: what many mailboxes with one message each cannot do without. */
  readonly coldReference: SendRun;
};

export type FlatPlan = {
  readonly messagesCount: number;
  readonly connectionsCount: number;
  readonly signal: AbortSignal;
};

/** One message from each of so many mailboxes, and as many from one: a message costs the same, but for its connection. */
export async function runFlat(
  fleet: SendFleet,
  { messagesCount, connectionsCount, signal }: FlatPlan,
): Promise<FlatRun> {
  const names = Array.from({ length: messagesCount }, (_, index) => userName(index));
  const many = await fleet.addTenant("many", names);
  const one = await fleet.addTenant("one", [userName(0)]);
  const plan = { messagesCount, everyMs: 0, signal };
  const cold = { ...plan, connectionsCount, messagesPerConnection: 1 };
  const before = await runReference(fleet, cold);
  const manyRun = await runCounted(fleet, many, plan);
  const after = await runReference(fleet, cold);
  const oneRun = await runCounted(fleet, one, plan);
  return { many: manyRun, one: oneRun, coldReference: before.seconds < after.seconds ? before : after };
}

async function runCounted(
  fleet: SendFleet,
  tenant: SendTenant,
  plan: Parameters<typeof runFleet>[2],
): Promise<CountedRun> {
  const before = cpuMsOfTrees(fleet.processes);
  const run = await runFleet(fleet, tenant, plan);
  const cpuMs = elapsed(before, cpuMsOfTrees(fleet.processes));
  const parts = Object.entries(cpuMs).map(([part, ms]) => [part, Number((ms / plan.messagesCount).toFixed(2))]);
  return { ...run, cpuMsPerMessage: Object.fromEntries(parts) as CountedRun["cpuMsPerMessage"] };
}

/** What a result says of it. */
export function flatFields({ many, one, coldReference }: FlatRun, messagesCount: number) {
  const sum = (run: CountedRun) =>
    Number(
      Object.values(run.cpuMsPerMessage)
        .reduce((all, ms) => all + ms, 0)
        .toFixed(2),
    );
  return {
    manyMailboxesMessagesPerSecond: Math.round(many.messagesPerSecond),
    oneMailboxMessagesPerSecond: Math.round(one.messagesPerSecond),
    referenceColdMessagesPerSecond: Math.round(coldReference.messagesPerSecond),
    manyMailboxesRatio: Number((many.messagesPerSecond / coldReference.messagesPerSecond).toFixed(3)),
    manyMailboxesCpuMsPerMessage: sum(many),
    oneMailboxCpuMsPerMessage: sum(one),
    flatMessages: messagesCount,
  } as const;
}

import { randomUUID } from "node:crypto";
import { Epoch, MailboxId, newId } from "@mailfleet/domain";
import { defineJob, type PollMailbox, pollMailboxJob } from "@mailfleet/queue-contracts";

/** A job of its own for each test. */
export function newContract(queue = `test-${randomUUID()}`): typeof pollMailboxJob {
  return defineJob({ ...pollMailboxJob, queue });
}

export function newPayloads(count: number): PollMailbox[] {
  return Array.from({ length: count }, () => ({ mailboxId: newId(MailboxId), epoch: Epoch.parse(1) }));
}

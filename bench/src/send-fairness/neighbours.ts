import { createServer } from "node:net";
import { ActorId } from "@mailfleet/domain";
import { createSigningKey, issueSendProof, type SigningKey } from "@mailfleet/gate";
import { openQueue } from "@mailfleet/queue";
import { sendJob } from "@mailfleet/queue-contracts";
import type { SendFleet, SendTenant } from "../send/open-send-fleet.ts";
import { enqueueOne } from "../send/run-sends.ts";

/** A port that takes connections and never says a word. */
export async function startSilentServer(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { port: address.port, close: async () => void server.close() };
}

/** As if the tenant's client had been called so often: rows like the first one's, and the message that they share. */
export async function queueThroughClient(fleet: SendFleet, tenant: SendTenant, count: number): Promise<void> {
  await enqueueOne(fleet, tenant, 0);
  await fleet.sql`
    with one as (select * from submissions where tenant_id = ${tenant.tenantId} limit 1),
    many as (
      insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state, next_due,
        message_id_header, thread_id, envelope_from, raw, size_bytes)
      select gen_random_uuid(), tenant_id, mailbox_id, namespace, actor_id, 'queued-' || n, request_sha256, 'accepted', now(),
        '<queued-' || n || '@example.com>', thread_id, envelope_from, raw, size_bytes
      from one, generate_series(2, ${count}::int) as n
      returning id, tenant_id
    )
    insert into submission_recipients (submission_id, tenant_id, address) select id, tenant_id, 'reader@example.com' from many`;
}

/** Signed jobs on the `send` queue, as a program in any language would leave them there. */
export async function queueAsJobs(fleet: SendFleet, tenant: SendTenant, count: number): Promise<void> {
  const key = await createSigningKey();
  await fleet.registerKey(tenant, { ...key, actorId: ActorId.parse(tenant.agent.id) });
  const queue = await openQueue({ url: fleet.queueUrl, onError: () => {} });
  try {
    for (let done = 0; done < count; done += 1_000) {
      const numbers = Array.from({ length: Math.min(1_000, count - done) }, (_, index) => done + index);
      await queue.offer(sendJob, await Promise.all(numbers.map((number) => toJob(tenant, key, number))));
    }
  } finally {
    await queue.close();
  }
}

async function toJob({ tenantId, mailboxIds }: SendTenant, key: SigningKey, number: number) {
  const request = JSON.stringify({
    ...{ tenantId, mailboxId: mailboxIds[0], idempotencyKey: `job-${number}` },
    ...{ to: [{ name: null, address: "reader@example.com" }], subject: `Job ${number}`, text: "One of many.\n" },
  });
  const expiresAt = new Date(Date.now() + 3_600_000);
  return { tenantId, request, proof: await issueSendProof({ key, content: request, expiresAt }) };
}

import { Epoch, newId, SubmissionId } from "@mailfleet/domain";
import { processActor } from "@mailfleet/gate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSendWorld, type SendingTenant, type SendWorld, simpleRequest } from "./send-world.ts";

let world: SendWorld;
let acme: SendingTenant;
let globex: SendingTenant;

beforeAll(async () => {
  world = await openSendWorld();
  acme = await world.addTenant("acme");
  globex = await world.addTenant("globex");
});
afterAll(() => world.close());

async function enqueue(tenant: SendingTenant, more: { sendAt?: Date } = {}) {
  const receipt = await world.client.enqueueSend(tenant.agent, { ...simpleRequest(tenant), ...more });
  return { tenantId: tenant.tenantId, submissionId: SubmissionId.parse(receipt.submissionId), receipt };
}

const run = () => world.gate.authorize({ actor: processActor("send-worker"), action: "fleet.run", resource: {} });

/** Claims everything that is due, and answers the row of this submission. */
async function claim(submissionId: SubmissionId) {
  const grant = await world.gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
  const rows = await world.database.fleet.submissionClaims.claim(grant, { room: 100, quantum: 100, claimMs: 60_000 });
  return rows.find(({ id }) => id === submissionId) ?? null;
}

async function finish(submissionId: SubmissionId, epoch: number, state: "sent" | "held") {
  const nobody = { reason: null, nextDue: null, serverMessageId: null, counts: true };
  const recipients = [{ address: "ada@customer.example", state: "accepted", code: 250, enhancedCode: null }] as const;
  const outcome = { ...nobody, epoch: Epoch.parse(epoch), state, recipients };
  return world.database.fleet.submissions.recordOutcome(await run(), submissionId, outcome);
}

describe("a scheduled submission", () => {
  it("is not due before its time, and is claimed then", async () => {
    const later = await enqueue(acme, { sendAt: new Date(Date.now() + 3_600_000) });
    expect(later.receipt.state).toBe("scheduled");
    expect(await claim(later.submissionId)).toBeNull();

    const soon = await enqueue(acme, { sendAt: new Date(Date.now() + 300) });
    expect(await claim(soon.submissionId)).toBeNull();
    await expect.poll(() => claim(soon.submissionId)).toMatchObject({ id: soon.submissionId });
  });

  it("with a time that has passed is accepted like any other", async () => {
    const { receipt } = await enqueue(acme, { sendAt: new Date(Date.now() - 1_000) });
    expect(receipt.state).toBe("accepted");
  });

  it("is refused more than a year ahead", async () => {
    const sendAt = new Date(Date.now() + 400 * 86_400_000);
    await expect(enqueue(acme, { sendAt })).rejects.toMatchObject({ code: "contract.violated" });
  });

  it("is another message than one that leaves now: the same key with another time is a conflict", async () => {
    const request = simpleRequest(acme);
    const sendAt = new Date(Date.now() + 3_600_000);
    const first = await world.client.enqueueSend(acme.agent, { ...request, sendAt });
    expect(await world.client.enqueueSend(acme.agent, { ...request, sendAt })).toEqual({ ...first, repeated: true });
    await expect(world.client.enqueueSend(acme.agent, request)).rejects.toMatchObject({
      code: "idempotency.conflicting",
    });
  });
});

describe("cancelling", () => {
  it("ends what waits, once, with one event", async () => {
    const ref = await enqueue(acme, { sendAt: new Date(Date.now() + 3_600_000) });
    for (const _ of [1, 2]) {
      expect(await world.client.cancel(acme.agent, ref)).toEqual({ cancelled: true, state: "cancelled" });
    }
    expect(await world.client.getSubmission(acme.agent, ref)).toMatchObject({
      state: "cancelled",
      nextAttemptAt: null,
    });
    const grant = await world.gate.authorize({ actor: acme.agent, action: "event.read", resource: acme });
    const events = await world.database.events.listAfter(grant, { seq: 0, limit: 1_000 });
    expect(events.filter(({ subjectId }) => subjectId === ref.submissionId).map(({ type }) => type)).toEqual([
      "submission.cancelled",
    ]);
  });

  it("takes a claimed one from its worker, who can then not begin to transmit", async () => {
    const ref = await enqueue(acme);
    const held = await claim(ref.submissionId);
    if (held === null) throw new Error("not claimed");
    expect(await world.client.cancel(acme.agent, ref)).toMatchObject({ cancelled: true });
    expect(await world.database.fleet.submissionClaims.start(await run(), held, 60_000)).toBeNull();
    expect(await finish(ref.submissionId, held.epoch, "sent")).toBe(false);
  });

  it("says that it is too late, and changes nothing, once the transmission has begun", async () => {
    const ref = await enqueue(acme);
    const held = await claim(ref.submissionId);
    if (held === null) throw new Error("not claimed");
    await world.database.fleet.submissionClaims.start(await run(), held, 60_000);
    expect(await world.client.cancel(acme.agent, ref)).toEqual({ cancelled: false, state: "transmitting" });
    await finish(ref.submissionId, held.epoch, "sent");
    expect(await world.client.cancel(acme.agent, ref)).toEqual({ cancelled: false, state: "sent" });
  });

  it("and beginning to transmit at the same moment: exactly one of them wins, each time", async () => {
    for (let round = 0; round < 20; round++) {
      const ref = await enqueue(acme);
      const held = await claim(ref.submissionId);
      if (held === null) throw new Error("not claimed");
      const [started, { cancelled }] = await Promise.all([
        world.database.fleet.submissionClaims.start(await run(), held, 60_000),
        world.client.cancel(acme.agent, ref),
      ]);
      expect(cancelled).toBe(started === null);
    }
  });
});

describe("waiting", () => {
  it("answers when it is settled, with its recipients", async () => {
    const ref = await enqueue(acme);
    const waiting = world.client.waitFor(acme.agent, ref, { msMax: 30_000 });
    const held = await claim(ref.submissionId);
    if (held === null) throw new Error("not claimed");
    await finish(ref.submissionId, held.epoch, "sent");
    const { settled, submission } = await waiting;
    expect({ settled, state: submission.state }).toEqual({ settled: true, state: "sent" });
    expect(submission.recipients).toMatchObject([{ address: "ada@customer.example", state: "accepted", code: 250 }]);
  });

  it("ends with its time, and says how it stood then", async () => {
    const ref = await enqueue(acme, { sendAt: new Date(Date.now() + 3_600_000) });
    const { settled, submission } = await world.client.waitFor(acme.agent, ref, { msMax: 60 });
    expect({ settled, state: submission.state }).toEqual({ settled: false, state: "scheduled" });
  });

  it("ends with its signal", async () => {
    const ref = await enqueue(acme, { sendAt: new Date(Date.now() + 3_600_000) });
    const waiting = world.client.waitFor(acme.agent, ref, { msMax: 60_000, signal: AbortSignal.timeout(50) });
    await expect(waiting).rejects.toThrow();
  });
});

describe("another tenant's submission, and one that is not there", () => {
  it("cannot be read, cancelled or waited for", async () => {
    const ref = await enqueue(acme);
    const stolen = [ref, { ...ref, tenantId: globex.tenantId }];
    for (const [index, asked] of stolen.entries()) {
      const code = index === 0 ? "gate.denied" : "resource.missing";
      await expect(world.client.getSubmission(globex.agent, asked)).rejects.toMatchObject({ code });
      await expect(world.client.cancel(globex.agent, asked)).rejects.toMatchObject({ code });
      await expect(world.client.waitFor(globex.agent, asked, { msMax: 1 })).rejects.toMatchObject({ code });
    }
    const nobody = { tenantId: acme.tenantId, submissionId: newId(SubmissionId) };
    await expect(world.client.getSubmission(acme.agent, nobody)).rejects.toMatchObject({ code: "resource.missing" });
    expect(await world.client.getSubmission(acme.agent, ref)).toMatchObject({ state: "accepted" });
  });
});

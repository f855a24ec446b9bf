import { randomUUID } from "node:crypto";
import { ActorId } from "@mailfleet/domain";
import {
  createSendProofVerifier,
  createSigningKey,
  issueSendProof,
  processActor,
  type SigningKey,
} from "@mailfleet/gate";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { acceptSendJob } from "../src/index.ts";
import { openSendWorld, type SendingTenant, type SendWorld, simpleRequest } from "./send-world.ts";

let world: SendWorld;
let acme: SendingTenant;
let globex: SendingTenant;
let key: SigningKey;
let refusals: string[];
let accepted: { id: string; repeated: boolean }[];

beforeAll(async () => {
  world = await openSendWorld();
  acme = await world.addTenant("acme");
  globex = await world.addTenant("globex");
  key = await registerKey(acme);
});
afterAll(() => world.close());
beforeEach(() => {
  refusals = [];
  accepted = [];
});

const inHour = () => new Date(Date.now() + 3_600_000);
const manage = (tenant: SendingTenant) =>
  world.gate.authorize({ actor: tenant.operator, action: "actor.manage", resource: { tenantId: tenant.tenantId } });

async function registerKey(tenant: SendingTenant): Promise<SigningKey> {
  const made = await createSigningKey();
  const { kid, publicJwk } = made;
  const added = { kid, actorId: ActorId.parse(tenant.agent.id), publicJwk };
  if (!(await world.database.actorKeys.add(await manage(tenant), added))) throw new Error("the key is there already");
  return made;
}

function jsonRequest(tenant: SendingTenant = acme) {
  const { tenantId, mailboxId, to, subject, text } = simpleRequest(tenant);
  return { tenantId, mailboxId, idempotencyKey: randomUUID(), to, subject, text };
}

type Job = { readonly request: string; readonly proof: string };

async function signed(request: object, signer = key, expiresAt = inHour()): Promise<Job> {
  const content = JSON.stringify(request);
  return { request: content, proof: await issueSendProof({ key: signer, content, expiresAt }) };
}

function accept(job: Job, tenantId = acme.tenantId) {
  const { gate, database, client } = world;
  const run = () => gate.authorize({ actor: processActor("send-worker"), action: "fleet.run", resource: {} });
  const proofs = createSendProofVerifier({
    findKey: async (kid) => database.actorKeys.findForProof(await run(), kid),
    use: async (proof) => database.actorKeys.useProof(await run(), proof),
    now: () => new Date(),
  });
  const handle = acceptSendJob({
    ...{ client, proofs },
    recordRefusal: async (reason) => void refusals.push(reason),
    onAccepted: (id, repeated) => void accepted.push({ id, repeated }),
  });
  return handle({ tenantId, ...job }, { signal: AbortSignal.timeout(30_000) });
}

describe("a plain send job", () => {
  it("becomes a submission of the actor who signed it, once, however often it is handed out", async () => {
    const request = jsonRequest();
    const job = await signed(request);
    expect(await accept(job)).toEqual({ kind: "done" });
    expect(await accept(job)).toEqual({ kind: "done" });
    expect(accepted.map(({ repeated }) => repeated)).toEqual([false, true]);
    expect(new Set(accepted.map(({ id }) => id)).size).toBe(1);
    expect(refusals).toEqual([]);
  });

  it("and a client's call with the same key are one message", async () => {
    const request = jsonRequest();
    await accept(await signed(request));
    const full = { cc: [], bcc: [], html: null, attachments: [], answersMessageId: null, ...request };
    const receipt = await world.client.enqueueSend(acme.agent, full);
    expect(receipt).toMatchObject({ submissionId: accepted[0]?.id, repeated: true });
  });

  it("carries attachments byte for byte, and a time to leave", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    const attachments = [
      { filename: "a.bin", contentType: "application/x-a", base64: Buffer.from(bytes).toString("base64") },
    ];
    const sendAt = "2030-01-31T09:00:00+01:00";
    const request = { ...jsonRequest(), attachments };
    await accept(await signed({ ...request, sendAt: new Date(Date.now() + 60_000).toISOString() }));
    expect(accepted).toHaveLength(1);
    await accept(await signed({ ...request, sendAt }));
    expect(refusals).toEqual([expect.stringContaining("contract.violated: send request: sendAt")]);
  });

  const refused = (what: string) => [expect.stringContaining(what)];

  it.each([
    [
      "changed after it was signed",
      async (job: Job) => ({ ...job, request: `${job.request} ` }),
      "for another request",
    ],
    ["with a signature that was touched", async (job: Job) => ({ ...job, proof: touched(job.proof) }), "signature"],
    ["with a proof that is none", async (job: Job) => ({ ...job, proof: "nothing" }), "no compact JWS"],
  ])("%s is refused, and that is recorded", async (_what, change, reason) => {
    expect(await accept(await change(await signed(jsonRequest())))).toMatchObject({ kind: "discard" });
    expect(refusals).toEqual(refused(reason));
    expect(accepted).toEqual([]);
  });

  it("is refused after its proof expired, and when it would be good for more than a day", async () => {
    await accept(await signed(jsonRequest(), key, new Date(Date.now() - 60_000)));
    await accept(await signed(jsonRequest(), key, new Date(Date.now() + 2 * 86_400_000)));
    expect(refusals).toEqual([...refused("has expired"), ...refused("more than a day")]);
  });

  it("is refused when its key is unknown, or revoked", async () => {
    await accept(await signed(jsonRequest(), await createSigningKey()));
    const lost = await registerKey(acme);
    expect(await world.database.actorKeys.revoke(await manage(globex), lost.kid)).toBe(false);
    await accept(await signed(jsonRequest(), lost));
    expect(accepted).toHaveLength(1);
    expect(await world.database.actorKeys.revoke(await manage(acme), lost.kid)).toBe(true);
    await accept(await signed(jsonRequest(), lost));
    expect(refusals).toEqual([...refused("unknown or revoked"), ...refused("unknown or revoked")]);
  });

  it("for another tenant is refused by the gate, whatever the job says", async () => {
    await accept(await signed(jsonRequest(globex)), globex.tenantId);
    await accept(await signed(jsonRequest(globex)), acme.tenantId);
    expect(refusals).toEqual([...refused("gate.denied"), ...refused("tenantId: is not the request's")]);
    expect(accepted).toEqual([]);
  });

  it("that breaks the contract is refused with the field's name and never its value", async () => {
    await accept(await signed({ ...jsonRequest(), to: [{ name: null, address: "secret-value" }], text: undefined }));
    await accept(await signed({ ...jsonRequest(), unknownField: 1 }));
    expect(refusals).toHaveLength(2);
    expect(refusals.join()).not.toContain("secret-value");
  });

  it("is tried again when what it needs is not there now: it is not refused and not ended", async () => {
    const job = await signed(jsonRequest());
    const proofs = { verify: () => Promise.reject(new Error("the database went away")) };
    const recordRefusal = async (reason: string) => void refusals.push(reason);
    const handle = acceptSendJob({ client: world.client, proofs, recordRefusal, onAccepted: () => {} });
    await expect(handle({ tenantId: acme.tenantId, ...job }, { signal: AbortSignal.timeout(1_000) })).rejects.toThrow(
      "went away",
    );
    expect(refusals).toEqual([]);
    expect(await accept(job)).toEqual({ kind: "done" });
  });
});

/** One character in the middle of the signature: the last one holds bits that mean nothing. */
function touched(proof: string): string {
  const at = proof.length - 20;
  return `${proof.slice(0, at)}${proof[at] === "A" ? "B" : "A"}${proof.slice(at + 1)}`;
}

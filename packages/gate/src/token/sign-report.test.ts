import { ActorId, newId, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { createTokenVerifier } from "./create-token-verifier.ts";
import { issueActorToken } from "./issue-actor-token.ts";
import { signReport, verifyReport } from "./sign-report.ts";
import { createSigningKey } from "./signing-key.ts";

const report = { type: "offboarding", tenantId: newId(TenantId) };

describe("a report", () => {
  it("is read by whoever has the public key, as it was signed", async () => {
    const key = await createSigningKey();
    expect(await verifyReport(`${await signReport(report, key)}\n`, [key])).toEqual(report);
  });

  it("that was changed by a letter, or signed by another fleet, is refused", async () => {
    const [key, other] = await Promise.all([createSigningKey(), createSigningKey()]);
    const [header, payload, signature] = (await signReport(report, key)).split(".");
    const changed = Buffer.from(JSON.stringify({ ...report, type: "nothing" })).toString("base64url");
    const refusal = { code: "contract.violated" };
    await expect(verifyReport(`${header}.${changed}.${signature}`, [key])).rejects.toMatchObject(refusal);
    await expect(verifyReport(`${header}.${payload}`, [key])).rejects.toMatchObject(refusal);
    await expect(verifyReport(await signReport(report, other), [key])).rejects.toMatchObject(refusal);
  });

  it("is no actor token, and an actor token is no report, though one key signs both", async () => {
    const key = await createSigningKey();
    const actor = { id: newId(ActorId), kind: "operator", tenantId: null, actions: null, mailboxIds: null } as const;
    const now = () => new Date();
    const token = await issueActorToken({ key, actor, expiresAt: new Date(Date.now() + 60_000) });
    await expect(verifyReport(token, [key])).rejects.toMatchObject({ code: "contract.violated" });
    const verifier = createTokenVerifier({ publicKeys: async () => [key], now });
    await expect(verifier.verify(await signReport(report, key))).rejects.toMatchObject({ code: "gate.denied" });
  });
});

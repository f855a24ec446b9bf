import { ActorId, MailboxId, newId, OperationalError, TenantId } from "@mailfleet/domain";
import { generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { Actor, createSigningKey, createTokenVerifier, issueActorToken, type StoredActor } from "../index.ts";

const now = new Date("2026-01-02T03:04:05Z");
const expiresAt = new Date(now.getTime() + 3_600_000);
const key = await createSigningKey();
const verifier = createTokenVerifier({ publicKeys: async () => [key], now: () => now });
const agent: StoredActor = {
  id: newId(ActorId),
  kind: "agent",
  tenantId: newId(TenantId),
  actions: ["message.list", "submission.create"],
  mailboxIds: [newId(MailboxId)],
};
const operator: StoredActor = { id: newId(ActorId), kind: "operator", tenantId: null, actions: null, mailboxIds: null };
const token = await issueActorToken({ key, actor: agent, expiresAt });

async function refusalOf(text: string, by = verifier): Promise<OperationalError> {
  const outcome = await by.verify(text).catch((error: unknown) => error);
  if (!(outcome instanceof OperationalError)) throw new Error("was not refused", { cause: outcome });
  const printed = JSON.stringify([outcome.message, outcome.publicMessage, outcome.stack, outcome.cause]);
  for (const part of text.split(".")) if (part.length > 8) expect(printed).not.toContain(part);
  return outcome;
}

/** A token signed with our real key, with anything else about it changed. */
async function sign(claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> {
  const { id: sub, ...own } = agent;
  return new SignJWT({
    iss: "mailfleet",
    aud: "mailfleet-gate",
    sub,
    exp: expiresAt.getTime() / 1_000,
    ...own,
    ...claims,
  })
    .setProtectedHeader({ alg: "EdDSA", kid: key.kid, typ: "mailfleet-actor+jwt", ...header })
    .sign(await importJWK(key.privateJwk, "EdDSA"));
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a token the fleet issued", () => {
  it.each([agent, operator])("proves its $kind, with everything it was issued for", async (actor) => {
    const proven = await verifier.verify(await issueActorToken({ key, actor, expiresAt }));
    expect(Actor.isProven(proven)).toBe(true);
    expect({ ...proven }).toEqual(actor);
  });

  it("is accepted with the line end of the file it was kept in", async () => {
    expect((await verifier.verify(`${token}\n`)).id).toBe(agent.id);
  });

  it("is accepted while a newer key signs, and not once its own is retired", async () => {
    const newer = await createSigningKey();
    const rotated = createTokenVerifier({ publicKeys: async () => [newer, key], now: () => now });
    expect((await rotated.verify(token)).id).toBe(agent.id);
    const retired = createTokenVerifier({ publicKeys: async () => [newer], now: () => now });
    expect((await refusalOf(token, retired)).message).toContain("unknown or retired");
  });

  it("expires to the second", async () => {
    const at = (ms: number) =>
      createTokenVerifier({ publicKeys: async () => [key], now: () => new Date(expiresAt.getTime() + ms) });
    expect((await at(-1_000).verify(token)).id).toBe(agent.id);
    expect((await refusalOf(token, at(0))).message).toContain("expired");
  });

  it("is not issued for what no token may say", async () => {
    const wrong: StoredActor[] = [
      { ...agent, tenantId: null },
      { ...operator, tenantId: agent.tenantId },
      { ...agent, actions: ["message.destroy"] },
      { ...agent, id: "someone" },
      { ...agent, kind: "process" as "agent" },
    ];
    for (const actor of wrong) {
      await expect(issueActorToken({ key, actor, expiresAt })).rejects.toMatchObject({ code: "contract.violated" });
    }
    const publicHalf = { kid: key.kid, privateJwk: key.publicJwk };
    await expect(issueActorToken({ key: publicHalf, actor: agent, expiresAt })).rejects.toMatchObject({
      code: "contract.violated",
    });
  });

  it("fits when it is bound to as many mailboxes and actions as a token may be", async () => {
    const mailboxIds = Array.from({ length: 500 }, () => newId(MailboxId));
    const large = await issueActorToken({ key, actor: { ...agent, mailboxIds }, expiresAt });
    expect((await verifier.verify(large)).mailboxIds).toEqual(mailboxIds);
  });
});

describe("a token is refused", () => {
  it("without a signature (alg none)", async () => {
    const payload = token.split(".")[1];
    for (const alg of ["none", "None"]) {
      const unsigned = `${encode({ alg, kid: key.kid, typ: "mailfleet-actor+jwt" })}.${payload}.`;
      expect((await refusalOf(unsigned)).code).toBe("gate.denied");
    }
  });

  it("signed with our public key as if it were a shared secret (HS256)", async () => {
    for (const secret of [Buffer.from(key.publicJwk.x, "base64url"), Buffer.from(JSON.stringify(key.publicJwk))]) {
      const forged = await new SignJWT({ ...agent, sub: agent.id, iss: "mailfleet", aud: "mailfleet-gate" })
        .setProtectedHeader({ alg: "HS256", kid: key.kid, typ: "mailfleet-actor+jwt" })
        .setExpirationTime(expiresAt)
        .sign(secret);
      expect((await refusalOf(forged)).message).toContain("not signed with EdDSA");
    }
  });

  it("signed with another key under the name of ours, or with a key it brings along", async () => {
    const other = await createSigningKey();
    const forged = await issueActorToken({ key: { ...other, kid: key.kid }, actor: agent, expiresAt });
    expect((await refusalOf(forged)).message).toContain("signature does not match");
    const [, payload, signature] = (await issueActorToken({ key: other, actor: agent, expiresAt })).split(".");
    const bringing = encode({ alg: "EdDSA", kid: other.kid, jwk: other.publicJwk, typ: "mailfleet-actor+jwt" });
    expect((await refusalOf(`${bringing}.${payload}.${signature}`)).message).toContain("unknown or retired");
  });

  it("signed with ES256, however good the signature", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT({ ...agent, sub: agent.id, iss: "mailfleet", aud: "mailfleet-gate" })
      .setProtectedHeader({ alg: "ES256", kid: key.kid, typ: "mailfleet-actor+jwt" })
      .setExpirationTime(expiresAt)
      .sign(privateKey);
    expect((await refusalOf(forged)).message).toContain("not signed with EdDSA");
  });

  it("with one bit changed, anywhere", async () => {
    const parts = token.split(".");
    const claims = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString());
    const widened = encode({ ...claims, actions: null });
    expect((await refusalOf(`${parts[0]}.${widened}.${parts[2]}`)).message).toContain("signature does not match");
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, "base64url");
      for (let at = 0; at < bytes.length; at += 7) {
        const changed = Buffer.from(bytes);
        changed[at] = (bytes[at] ?? 0) ^ 1;
        const tampered = parts.with(index, changed.toString("base64url")).join(".");
        expect((await refusalOf(tampered)).code).toBe("gate.denied");
      }
    }
  });

  it.each([
    ["of another issuer", { iss: "elsewhere" }, {}],
    ["without an issuer", { iss: undefined }, {}],
    ["for another audience", { aud: "elsewhere" }, {}],
    ["without an audience", { aud: undefined }, {}],
    ["of another type", {}, { typ: "JWT" }],
    ["without a type", {}, { typ: undefined }],
    ["without a key id", {}, { kid: undefined }],
    ["that never expires", { exp: undefined }, {}],
    ["without a subject", { sub: undefined }, {}],
    ["with a subject that is no actor id", { sub: "root" }, {}],
    ["of a kind that has no tokens", { kind: "process", tenantId: null }, {}],
    ["of an operator with a tenant", { kind: "operator" }, {}],
    ["of an agent without a tenant", { tenantId: null }, {}],
    ["without its list of actions", { actions: undefined }, {}],
    ["without its list of mailboxes", { mailboxIds: undefined }, {}],
    ["with a mailbox that is no id", { mailboxIds: ["*"] }, {}],
    ["with a claim this version does not know", { onlyOnMondays: true }, {}],
    ["with a second id", { id: newId(ActorId) }, {}],
    ["that was issued for later", { nbf: expiresAt.getTime() / 1_000 - 60 }, {}],
  ])("%s, although our key signed it", async (_name, claims, header) => {
    const changed = await sign(claims as JWTPayload, header);
    expect((await refusalOf(changed)).code).toBe("gate.denied");
  });

  it("unless nothing was changed, so that the refusals above have their reason", async () => {
    expect((await verifier.verify(await sign({ id: undefined }))).id).toBe(agent.id);
  });

  it.each(["", "nonsense", "a.b.c", "..", "x".repeat(100_000), `${token}.${token}`])(
    "that is no token at all",
    async (text) => {
      expect((await refusalOf(text)).code).toBe("gate.denied");
    },
  );

  it("that is not even text", async () => {
    expect(
      (await verifier.verify(undefined as unknown as string).catch((error: unknown) => error)) as OperationalError,
    ).toMatchObject({ code: "gate.denied" });
  });
});

it("while the keys cannot be read no token is judged, and later may be better", async () => {
  const offline = createTokenVerifier({
    publicKeys: async () => Promise.reject(new Error("connection lost")),
    now: () => now,
  });
  expect((await refusalOf(token, offline)).code).toBe("gate.unavailable");
});

it("a stored key of another sort verifies nothing", async () => {
  for (const publicJwk of [{ kty: "oct", k: "c2VjcmV0" }, { ...key.publicJwk, crv: "X25519" }, {}]) {
    const odd = createTokenVerifier({ publicKeys: async () => [{ kid: key.kid, publicJwk }], now: () => now });
    expect((await refusalOf(token, odd)).code).toBe("gate.denied");
  }
});

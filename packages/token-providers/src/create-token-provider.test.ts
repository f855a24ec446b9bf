import { inspect } from "node:util";
import { type Login, MailboxId, newId, OperationalError, Secret, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { grantForMailbox } from "../test/grant-for-mailbox.ts";
import { credentialOf, memoryCredentialReader } from "../test/memory-credential-reader.ts";
import { createTokenProvider } from "./create-token-provider.ts";
import type { CredentialGrant } from "./credential-reader.ts";
import { createPasswordFlow } from "./password/create-password-flow.ts";
import type { TokenFlow } from "./token-flow.ts";

const never = { signal: new AbortController().signal };

async function world(stored: ReturnType<typeof credentialOf>, flows: readonly TokenFlow[] = [createPasswordFlow()]) {
  let at = new Date("2026-01-01T00:00:00Z");
  const now = () => at;
  const mailboxId = newId(MailboxId);
  const credentials = memoryCredentialReader(new Map([[mailboxId, stored]]));
  return {
    provider: createTokenProvider({ flows, credentials, now }),
    ...{ credentials, mailboxId },
    grant: await grantForMailbox(newId(TenantId), mailboxId, now),
    pass: (ms: number) => {
      at = new Date(at.getTime() + ms);
    },
  };
}

describe("createTokenProvider", () => {
  const stored = credentialOf("password", { user: "u", password: "hunter-two" });

  it("says credential.unreadable for a flow it does not know, names the flows it does, and repeats nothing stored", async () => {
    const unknown = credentialOf("planted-flow", { refreshToken: "planted-token" });
    const { provider, grant, mailboxId } = await world(unknown);
    const failure: unknown = await provider.login(grant, mailboxId, never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OperationalError);
    expect(failure).toMatchObject({ code: "credential.unreadable" });
    expect(String(failure)).toContain(`credential ${unknown.credentialId}, version 1`);
    expect(String(failure)).toContain("it knows password");
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain("planted");
  });

  it("gives a credential to the flow it was stored for and to no other", async () => {
    const asked: string[] = [];
    const flow = (name: string): TokenFlow => ({
      name,
      async obtain(credential) {
        asked.push(`${name}:${credential.flow}`);
        const login: Login = { kind: "bearer", user: "u", token: Secret.of(name), expiresAt: new Date("2030-01-01") };
        return { login };
      },
    });
    const { provider, grant, mailboxId } = await world(credentialOf("second", {}), [flow("first"), flow("second")]);
    await provider.login(grant, mailboxId, never);
    expect(asked).toEqual(["second:second"]);
  });

  it("opens no credential with an expired or a forged grant", async () => {
    const { provider, credentials, grant, mailboxId, pass } = await world(stored);
    const forged = Object.create(grant) as CredentialGrant;
    await expect(provider.login(forged, mailboxId, never)).rejects.toMatchObject({ code: "gate.denied" });
    const login = await provider.login(grant, mailboxId, never);
    pass(60_000);
    await expect(provider.login(grant, mailboxId, never)).rejects.toMatchObject({ code: "grant.expired" });
    await expect(provider.reject(grant, mailboxId, login, never)).rejects.toMatchObject({ code: "grant.expired" });
    expect(credentials.opened).toEqual([mailboxId]);
  });

  it("reads the credential anew for each login, so that a new password counts at once", async () => {
    const { provider, credentials, grant, mailboxId } = await world(stored);
    await provider.login(grant, mailboxId, never);
    await provider.login(grant, mailboxId, never);
    expect(credentials.opened).toEqual([mailboxId, mailboxId]);
  });

  it("lets a flow's own failure through as it is", async () => {
    const failure = new OperationalError("provider.unavailable", "the provider does not answer");
    const { provider, grant, mailboxId } = await world(stored, [
      { name: "password", obtain: () => Promise.reject(failure) },
    ]);
    await expect(provider.login(grant, mailboxId, never)).rejects.toBe(failure);
  });

  it("does not start with two flows of the same name", () => {
    const credentials = memoryCredentialReader(new Map());
    const flows = [createPasswordFlow(), createPasswordFlow()];
    expect(() => createTokenProvider({ flows, credentials, now: () => new Date() })).toThrow(
      "two flows have the same name",
    );
  });
});

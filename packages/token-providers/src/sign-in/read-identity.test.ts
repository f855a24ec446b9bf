import { describe, expect, it } from "vitest";
import { readIdentity } from "./read-identity.ts";

const address = "Ada@north.test";
const entra = { tid: "0B9C1D3E-1111-4222-8333-444455556666", preferred_username: "ada@north.test" };
const google = { email: "ada@north.test", email_verified: true, hd: "north.test" };

describe("who signed in", () => {
  it("is the mailbox's own user, in the directory that their provider names", () => {
    expect(readIdentity(entra, { provider: "microsoft", address })).toEqual({
      provider: "microsoft",
      directory: entra.tid.toLowerCase(),
      subject: "ada@north.test",
    });
    expect(readIdentity(google, { provider: "google", address })).toMatchObject({ directory: "north.test" });
    expect(readIdentity({ ...google, hd: undefined }, { provider: "google", address })).toMatchObject({
      directory: null,
    });
    expect(readIdentity(google, { provider: "oidc", address })).toMatchObject({ directory: null });
  });

  it.each([
    ["another account", "google", { ...google, email: "eve@north.test" }],
    ["an address that nobody verified", "google", { ...google, email_verified: false }],
    ["an address that is only said to be verified", "oidc", { ...google, email_verified: "true" }],
    ["nobody", "oidc", {}],
    // A directory's administrator sets `email` to what they like.
    ["an email beside another sign-in name", "microsoft", { ...entra, ...google, preferred_username: "eve@evil.test" }],
    ["an email without a sign-in name", "microsoft", { ...google, tid: entra.tid }],
  ] as const)("is not %s, and the refusal says no address", (_, provider, claims) => {
    const reading = () => readIdentity(claims, { provider, address });
    expect(reading).toThrow(expect.objectContaining({ code: "binding.unproven" }));
    expect(reading).toThrow(/^[^@]*$/);
  });
});

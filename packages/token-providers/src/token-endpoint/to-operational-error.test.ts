import { inspect } from "node:util";
import type { ErrorCode } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { toOperationalError } from "./to-operational-error.ts";

const now = new Date("2026-01-01T00:00:00Z");
const secret = "planted-person@customer.example";

type Recorded = readonly [told: string, status: number, body: object | string, code: ErrorCode];

const microsoft = (error: string, number: number) => ({
  error,
  error_description: `AADSTS${number}: something about ${secret}. Trace ID: 0 Timestamp: 2026-01-01 00:00:00Z`,
  error_codes: [number],
  correlation_id: "00000000-0000-0000-0000-000000000000",
});
const google = (error: string, description: string) => ({ error, error_description: description });

/** What the providers were seen to answer. */
const recorded: readonly Recorded[] = [
  ["Microsoft, a wrong secret", 401, microsoft("invalid_client", 7000215), "provider-app.refused"],
  ["Microsoft, an expired secret", 401, microsoft("invalid_client", 7000222), "provider-app.refused"],
  ["Microsoft, an unknown certificate", 401, microsoft("invalid_client", 700027), "provider-app.refused"],
  ["Microsoft, neither secret nor assertion", 401, microsoft("invalid_client", 7000218), "provider-app.refused"],
  ["Microsoft, /common for an app", 400, microsoft("invalid_request", 9001023), "provider-app.refused"],
  ["Microsoft, the app is not in the directory", 400, microsoft("unauthorized_client", 700016), "consent.missing"],
  ["Microsoft, the app was disabled there", 401, microsoft("unauthorized_client", 7000112), "consent.missing"],
  ["Microsoft, no such directory", 400, microsoft("invalid_request", 90002), "consent.missing"],
  ["Microsoft, another cloud's directory", 400, microsoft("invalid_request", 900382), "consent.missing"],
  ["Microsoft, a service principal is missing", 400, microsoft("invalid_client", 650052), "consent.missing"],
  ["Microsoft, 90 days of silence", 400, microsoft("invalid_grant", 700082), "login.refused"],
  ["Microsoft, sessions revoked", 400, microsoft("invalid_grant", 50173), "login.refused"],
  ["Microsoft, a second factor is wanted", 400, microsoft("interaction_required", 50076), "login.refused"],
  ["Microsoft, Conditional Access", 400, microsoft("invalid_grant", 53003), "login.refused"],
  ["Microsoft, consent taken back", 400, microsoft("invalid_grant", 65001), "login.refused"],
  ["Microsoft, locked for a while", 400, microsoft("invalid_grant", 50053), "login.suspect"],
  ["Microsoft, asked in a loop", 400, microsoft("invalid_grant", 50196), "provider.throttled"],
  ["Microsoft, a busy directory", 400, microsoft("invalid_request", 90055), "provider.throttled"],
  ["Microsoft, something of its own", 400, microsoft("invalid_request", 90033), "provider.unavailable"],
  ["Microsoft, a number nobody has seen", 400, microsoft("invalid_grant", 99999), "login.refused"],
  ["Google, revoked", 400, google("invalid_grant", "Token has been expired or revoked."), "login.refused"],
  ["Google, no such user", 400, google("invalid_grant", "Invalid email or User ID"), "login.refused"],
  [
    "Google, our clock",
    400,
    google("invalid_grant", "Invalid JWT: Token must be a short-lived token"),
    "provider-app.refused",
  ],
  ["Google, our key", 400, google("invalid_grant", "Invalid JWT Signature."), "provider-app.refused"],
  [
    "Google, our account is gone",
    400,
    google("invalid_grant", "Invalid grant: account not found"),
    "provider-app.refused",
  ],
  [
    "Google, delegation not granted",
    401,
    google(
      "unauthorized_client",
      "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
    ),
    "consent.missing",
  ],
  ["Google, the admin's policy", 400, google("admin_policy_enforced", "..."), "consent.missing"],
  ["Google, a wrong secret", 401, google("invalid_client", "The OAuth client was not found."), "provider-app.refused"],
  ["an issuer, a used refresh token", 400, google("invalid_grant", "grant request is invalid"), "login.refused"],
  ["an issuer, a word of its own", 400, google("quota_of_wishes_exceeded", ""), "login.suspect"],
  ["an issuer in trouble", 503, "<html>Service Unavailable</html>", "provider.unavailable"],
  ["an issuer that says so", 400, google("temporarily_unavailable", ""), "provider.unavailable"],
  ["a gateway's page", 403, `<html>${secret}</html>`, "provider.unavailable"],
  ["too many requests", 429, google("slow_down", ""), "provider.throttled"],
];

describe("toOperationalError", () => {
  it.each(recorded)("%s", (_, status, body, code) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const failure = toOperationalError({ status, headers: {}, body: text }, now);
    expect(failure.code).toBe(code);
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(secret);
  });

  it.each([
    ["120", 120_000],
    ["Thu, 01 Jan 2026 00:05:00 GMT", 300_000],
    ["9999999", 86_400_000],
    ["soon", 60_000],
  ])("stays away for as long as Retry-After: %s says, within a day", (hint, ms) => {
    const failure = toOperationalError({ status: 429, headers: { "retry-after": hint }, body: "" }, now);
    expect(failure.retryAt).toEqual(new Date(now.getTime() + ms));
  });
});

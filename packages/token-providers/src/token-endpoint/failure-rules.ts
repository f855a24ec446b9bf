import type { ErrorCode } from "@mailfleet/domain";

/**
 * Whom a token endpoint's refusal is for, and with it what happens next: the mailbox's user signs in again
 * (`login.refused`), the customer's administrator changes a setting (`consent.missing`), we repair our own app
 * (`provider-app.refused`) while no mailbox is blamed, or time alone helps.
 */

/** RFC 6749 §5.2, OpenID Connect Core 1.0 §3.1.2.6, and what Google and Microsoft add. This decides. */
export const codeByError: Readonly<Record<string, ErrorCode>> = {
  access_denied: "consent.missing",
  admin_policy_enforced: "consent.missing",
  consent_required: "login.refused",
  interaction_required: "login.refused",
  invalid_client: "provider-app.refused",
  invalid_grant: "login.refused",
  invalid_request: "provider-app.refused",
  invalid_resource: "consent.missing",
  invalid_scope: "consent.missing",
  login_required: "login.refused",
  org_internal: "consent.missing",
  server_error: "provider.unavailable",
  slow_down: "provider.throttled",
  temporarily_unavailable: "provider.unavailable",
  unauthorized_client: "consent.missing",
  unsupported_grant_type: "provider-app.refused",
};

/** Microsoft's `error_codes` (AADSTS…) where they say more than `error` does. They may change, so they come second. */
const microsoftCodes: Readonly<Partial<Record<ErrorCode, readonly number[]>>> = {
  "provider.unavailable": [50033, 50087, 50088, 90006, 90012, 90024, 90033, 90090, 90091, 40010, 70012, 80002],
  "provider.throttled": [50196, 90055],
  "login.refused": [
    ...[50055, 50144, 50057, 50072, 50074, 50076, 50078, 50079, 50132, 50133, 50173, 50089, 65001, 70000, 70008],
    ...[700082, 70043, 53000, 53001, 53002, 53003, 53004, 530032, 50034, 51004, 50105, 50020],
  ],
  // Locked by too many tries, or an address that was blocked for a while: both pass.
  "login.suspect": [50053],
  "consent.missing": [
    ...[700016, 700011, 7000112, 70001, 500011, 650052, 650056, 650057, 90094, 90095, 90002, 90038, 900382, 1000031],
  ],
  "provider-app.refused": [...[7000215, 7000222, 700027, 50012, 700030, 7000218, 900144, 90014, 9002313, 9001023]],
};

export const codeByMicrosoftCode: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(microsoftCodes).flatMap(([code, numbers]) => numbers.map((number) => [number, code as ErrorCode])),
);

/** Google tells with one `invalid_grant` what only the text sets apart: whose fault it is. */
export const codeByGoogleText: readonly (readonly [RegExp, ErrorCode])[] = [
  [/invalid jwt|token must be short-?lived|invalid signature/i, "provider-app.refused"],
  [/account not found|service account/i, "provider-app.refused"],
];

import type { TrustedHop } from "./sender-settings.ts";

/** Exchange Online in each of its clouds. Its field has no name; it is known by its place. */
const microsoftHosts: ReadonlySet<string> = new Set([
  "outlook.office365.com",
  "outlook.office365.us",
  "outlook-dod.office365.us",
  "partner.outlook.cn",
]);
const googleHosts: ReadonlySet<string> = new Set(["imap.gmail.com", "imap.googlemail.com"]);

/** Whose results are believed at a provider that is known by its IMAP host; nobody's at any other. */
export function presetHop(imapHost: string): TrustedHop {
  const host = imapHost.toLowerCase();
  if (microsoftHosts.has(host)) return { kind: "microsoft-365" };
  return googleHosts.has(host) ? { kind: "authserv-id", id: "mx.google.com" } : { kind: "none" };
}

import { isAligned } from "./alignment.ts";
import { type AuthenticationResults, type MethodResult, parseAuthenticationResults } from "./authentication-results.ts";
import { type HeaderField, valuesOf } from "./header-fields.ts";
import type { TrustedHop } from "./sender-settings.ts";

export type HopResults =
  | { readonly found: true; readonly results: AuthenticationResults }
  | { readonly found: false; readonly why: string };

/**
 * The Authentication-Results of the mailbox's own server. A server adds its fields on top (RFC 5321 §4.1.1.4), so the first
 * one that can be its own is; what stands below may be the sender's.
 */
export function trustedResults(fields: readonly HeaderField[], hop: TrustedHop): HopResults {
  if (hop.kind === "none") return { found: false, why: "no server's results are believed for this mailbox" };
  return hop.kind === "microsoft-365" ? microsoftResults(fields) : namedResults(fields, hop.id.toLowerCase());
}

function namedResults(fields: readonly HeaderField[], id: string): HopResults {
  for (const value of valuesOf(fields, "authentication-results")) {
    const results = parseAuthenticationResults(value);
    if (results?.authservId === id) return { found: true, results };
    // A field that begins with the name and then breaks the grammar was meant to be read as the server's.
    if (results === null && value.toLowerCase().includes(id))
      return { found: false, why: "the results cannot be read" };
  }
  return { found: false, why: "the server left no results" };
}

function microsoftResults(fields: readonly HeaderField[]): HopResults {
  const at = fields.findIndex(({ name }) => name === "authentication-results");
  if (at === -1) return { found: false, why: "the server left no results" };
  const above = valuesOf(fields.slice(0, at), "received");
  if (above.length === 0 || !above.every(isMicrosofts))
    return { found: false, why: "the topmost results are not the server's" };
  const results = parseAuthenticationResults(fields[at]?.value ?? "");
  if (results === null || results.authservId !== null)
    return { found: false, why: "the topmost results are not the server's" };
  return { found: true, results };
}

const microsoftHost = /(?:^|\.)(?:outlook\.com|office365\.us|partner\.outlook\.cn)$/;

/** Above its results only hosts of Exchange Online hand a message on; each names itself in `by`. */
function isMicrosofts(received: string): boolean {
  const by = /(?:^|\s)by\s+([a-z0-9.-]+)/i.exec(received)?.[1]?.toLowerCase() ?? "";
  return microsoftHost.test(by);
}

/**
 * Whether Exchange Online itself says that the sender was signed in to the same organisation. It removes such fields from
 * what comes from outside; and one that stands twice, or below the trace of the message, is nobody's.
 */
export function isMarkedInternal(fields: readonly HeaderField[], hop: TrustedHop): boolean {
  if (hop.kind !== "microsoft-365") return false;
  const values = valuesOf(fields, "x-ms-exchange-organization-authas");
  return (
    values.length === 1 &&
    values[0]?.toLowerCase() === "internal" &&
    isMicrosofts(valuesOf(fields, "received")[0] ?? "")
  );
}

export type HopVerdict = {
  readonly dmarc: "pass" | "fail" | "none";
  /** The server would have refused or set aside by the domain's own wish. */
  readonly enforced: boolean;
  /** Passed by what cannot be checked again here: the address of the connection. */
  readonly byConnection: boolean;
};

/** What the results say of this author's domain. Two answers to one question are no answer. */
export function verdictFor({ methods }: AuthenticationResults, domain: string): HopVerdict {
  const none = { dmarc: "none", enforced: false, byConnection: false } as const;
  const [dmarc, ...more] = methods.filter(({ method }) => method === "dmarc");
  if (dmarc === undefined || more.length > 0) return none;
  if (dmarc.properties.get("header.from")?.toLowerCase() !== domain) return none;
  if (dmarc.result === "fail") return { dmarc: "fail", enforced: isEnforced(dmarc), byConnection: false };
  if (dmarc.result !== "pass") return none;
  const spf = methods.filter(({ method }) => method === "spf");
  return {
    dmarc: "pass",
    enforced: false,
    byConnection: spf.length === 1 && spf.every((one) => spfAligned(one, domain)),
  };
}

function spfAligned({ result, properties }: MethodResult, domain: string): boolean {
  const from = properties.get("smtp.mailfrom") ?? "";
  return result === "pass" && isAligned(from.slice(from.lastIndexOf("@") + 1), domain, false);
}

/** Microsoft names the action it took, Gmail and OpenDMARC the policy in a comment. */
function isEnforced({ properties, comments }: MethodResult): boolean {
  const action = properties.get("action")?.toLowerCase();
  if (action !== undefined) return action !== "none";
  return comments.some((comment) => /\bp=(reject|quarantine)\b/i.test(comment));
}

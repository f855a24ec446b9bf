import { getDomain } from "tldts";

/** The registrable domain (public suffix list, private suffixes included); null for a suffix itself or an address. */
export function organizationalDomain(domain: string): string | null {
  return getDomain(domain, { allowPrivateDomains: true, validateHostname: true });
}

/** Identifier alignment (RFC 7489 §3.1): the same domain, or where the owner does not ask for that, the same organisation. */
export function isAligned(authenticated: string, author: string, strict: boolean): boolean {
  const [left, right] = [authenticated.toLowerCase().replace(/\.$/, ""), author.toLowerCase()];
  if (left === right) return true;
  const organization = organizationalDomain(right);
  return !strict && organization !== null && organizationalDomain(left) === organization;
}

import type { Author } from "./read-author.ts";

/**
 * Whether a pattern names the author: an address, or `@example.org` for everybody at exactly that domain. A subdomain is
 * another domain, since another hand may hold it.
 */
export function isListed({ address, domain }: Author, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const wanted = pattern.trim().toLowerCase();
    return wanted === address || wanted === `@${domain}`;
  });
}

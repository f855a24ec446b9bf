import { isIP } from "node:net";
import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import { z } from "zod";

/** Keys fetched over plain HTTP are whoever's who stands in between. */
const KeysUrl = z.url().refine((text) => {
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && isIP(hostname) === 4 && hostname.startsWith("127."));
}, "must be https");

const Issuer = z.strictObject({
  /** What the command line calls it. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  provider: z.enum(["microsoft", "google", "oidc"]),
  /** The `iss` of its tokens; `{directory}` stands for the token's own directory, as in Entra's multi-tenant issuers. */
  issuer: z.string().min(1).max(500),
  jwksUri: KeysUrl,
  /** Our client id there: a token for another app is none for us. */
  audience: z.string().min(1).max(500),
  /** Which claim names the directory: `tid` at Microsoft, `hd` at Google. */
  directoryClaim: z.string().regex(/^[A-Za-z_]{1,64}$/),
  /**
   * Which values of which claim say that the bearer administers the directory, such as `wids` at Microsoft. Without it a
   * token proves the mailbox of its bearer and no other: membership is not administration.
   */
  admin: z
    .strictObject({ claim: z.string().regex(/^[A-Za-z_]{1,64}$/), values: z.array(z.string().min(1)).min(1) })
    .optional(),
});
export type BindingIssuer = z.output<typeof Issuer>;

const Issuers = z.strictObject({ issuers: z.array(Issuer).max(100) });

/** @throws OperationalError `contract.violated` with the places that are wrong */
export function parseIssuers(text: string): readonly BindingIssuer[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new OperationalError("contract.violated", "the file of issuers is not JSON");
  }
  return parseAtEdge(Issuers, value, "the file of issuers").issuers;
}

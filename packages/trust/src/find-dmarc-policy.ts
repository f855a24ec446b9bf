import { organizationalDomain } from "./alignment.ts";
import { isAbsent, type TxtLookup } from "./txt-lookup.ts";

/** What the owner of a domain asks for mail that is not aligned (RFC 7489 §6.3). */
export type DmarcPolicy = {
  readonly enforced: boolean;
  /** `adkim=s`: only the same domain counts as aligned. */
  readonly strictDkim: boolean;
};

/** The policy of a domain, or of the organisation it belongs to; null where there is none, `unknown` where nobody could say. */
export async function findDmarcPolicy(domain: string, lookup: TxtLookup): Promise<DmarcPolicy | null | "unknown"> {
  try {
    const own = await recordOf(domain, lookup);
    if (own !== null) return toPolicy(own, own.get("p"));
    const organization = organizationalDomain(domain);
    if (organization === null || organization === domain) return null;
    const inherited = await recordOf(organization, lookup);
    return inherited === null ? null : toPolicy(inherited, inherited.get("sp") ?? inherited.get("p"));
  } catch {
    return "unknown";
  }
}

function toPolicy(tags: ReadonlyMap<string, string>, asked: string | undefined): DmarcPolicy {
  return { enforced: asked === "quarantine" || asked === "reject", strictDkim: tags.get("adkim") === "s" };
}

/** Several records are no record (RFC 7489 §6.6.3). */
async function recordOf(domain: string, lookup: TxtLookup): Promise<ReadonlyMap<string, string> | null> {
  const found = await lookup(`_dmarc.${domain}`).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const records = found
    .map((strings) => strings.join(""))
    .filter((text) => /^v[ \t]*=[ \t]*DMARC1[ \t]*(;|$)/.test(text));
  const [record] = records;
  if (record === undefined || records.length > 1) return null;
  return new Map(
    record.split(";").map((tag): [string, string] => {
      const equals = tag.indexOf("=");
      return [
        tag.slice(0, equals).trim().toLowerCase(),
        tag
          .slice(equals + 1)
          .trim()
          .toLowerCase(),
      ];
    }),
  );
}

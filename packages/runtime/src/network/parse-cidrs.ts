import ipaddr from "ipaddr.js";
import { z } from "zod";
import { ConfigurationError } from "../configuration-error.ts";

/**
 * `10.0.0.0/8, fd00::/8`: ranges in CIDR notation (RFC 4632 §3.1), parted by commas or blanks.
 *
 * @throws ConfigurationError that names each entry by its place, not by its text
 */
export function parseCidrs(text: string, name = "NETWORK_ALLOW_PRIVATE"): string[] {
  const { cidrs, problems } = readCidrs(text);
  if (problems.length > 0) throw new ConfigurationError(problems.map((problem) => `${name}: ${problem}`));
  return cidrs;
}

/** The same for a schema of the environment. Nothing set is no range. */
export function cidrList() {
  return z
    .string()
    .default("")
    .transform((text, context) => {
      const { cidrs, problems } = readCidrs(text);
      if (problems.length > 0) context.addIssue({ code: "custom", message: problems.join("; ") });
      return cidrs;
    })
    .meta({ expects: "CIDR ranges, parted by commas" });
}

function readCidrs(text: string): { cidrs: string[]; problems: string[] } {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
  const problems = entries.flatMap((entry, index) => {
    const problem = problemOf(entry);
    return problem === null ? [] : [`entry ${index + 1} ${problem}`];
  });
  return { cidrs: entries, problems };
}

function problemOf(entry: string): string | null {
  const [address = "", prefix] = entry.split("/");
  if (prefix === undefined) return "has no prefix length; write 10.1.2.3/32 for one address";
  if (!ipaddr.isValidCIDR(entry) || !isPlain(address)) return "is no CIDR range; expected one like 10.0.0.0/8";
  const [given, bits] = ipaddr.parseCIDR(entry);
  const network =
    given.kind() === "ipv4" ? ipaddr.IPv4.networkAddressFromCIDR(entry) : ipaddr.IPv6.networkAddressFromCIDR(entry);
  if (network.toString() !== given.toString())
    return `has bits set behind its prefix; expected ${network.toString()}/${bits}`;
  return null;
}

/** ipaddr.js also reads `10.1` and `0x0a.0.0.1`, which no two programs read alike. */
function isPlain(address: string): boolean {
  return address.includes(":") || ipaddr.IPv4.isValidFourPartDecimal(address);
}

import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A range an operator opened, of either family. */
export type Cidr = [Address, number];

/** The only IPv6 addresses that IANA hands out for the public Internet (RFC 4291 §2.4). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Why an address may not be dialled, or null. An IPv6 address that carries an IPv4 one is judged by what it carries,
 * because a gateway on the way would take the packet there.
 */
export function judgeAddress(address: Address, allowed: readonly Cidr[]): string | null {
  if (isIn(address, allowed)) return null;
  if (address instanceof ipaddr.IPv4) {
    const range = address.range();
    return range === "unicast" ? null : range;
  }
  const carried = carriedAddresses(address);
  if (carried.length > 0)
    return carried.map((inner) => judgeAddress(inner, allowed)).find((why) => why !== null) ?? null;
  const range = address.range();
  if (range !== "unicast") return range;
  return address.match(globalUnicast) ? null : "unassigned";
}

function isIn(address: Address, ranges: readonly Cidr[]): boolean {
  return ranges.some((range) => range[0].kind() === address.kind() && address.match(range));
}

/** IPv4-mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2), Teredo (RFC 4380 §4). */
function carriedAddresses(address: ipaddr.IPv6): ipaddr.IPv4[] {
  const bytes = address.toByteArray();
  const at = (start: number) => new ipaddr.IPv4(bytes.slice(start, start + 4));
  if (address.match(mapped) || address.match(nat64)) return [at(12)];
  if (address.match(sixToFour)) return [at(2)];
  if (!address.match(teredo)) return [];
  const client = new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff)); // the client's own is stored inverted
  return [at(4), client];
}

const mapped = ipaddr.IPv6.parseCIDR("::ffff:0:0/96");
const nat64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");
const sixToFour = ipaddr.IPv6.parseCIDR("2002::/16");
const teredo = ipaddr.IPv6.parseCIDR("2001::/32");

import { lookup as systemLookup } from "node:dns/promises";
import { domainToASCII } from "node:url";
import { type NetworkGuard, OperationalError, type VettedAddress } from "@mailfleet/domain";
import ipaddr from "ipaddr.js";
import { judgeAddress } from "./judge-address.ts";

export type Lookup = (host: string) => Promise<readonly { readonly address: string }[]>;

export type NetworkGuardOptions = {
  /** CIDR ranges that may be dialled although they are not public. See `parseCidrs`. */
  readonly allowPrivate: readonly string[];
  /** Every address of a name. The system's resolver where there is none. */
  readonly lookup?: Lookup;
  /** How long the resolver may take, in milliseconds. */
  readonly lookupMsMax?: number;
};

/** A `NetworkGuard` that lets only public addresses through, and the ranges its operator allows. */
export function createNetworkGuard(options: NetworkGuardOptions): NetworkGuard {
  const { lookup = (host) => systemLookup(host, { all: true }), lookupMsMax = 5_000 } = options;
  const allowed = options.allowPrivate.map((cidr) => ipaddr.parseCIDR(cidr));
  return {
    async vet(host, { signal }) {
      signal.throwIfAborted();
      const name = canonicalHost(host);
      const literal = ipaddr.isValid(name) ? [{ address: name }] : undefined;
      const answers =
        literal ?? (await resolve(name, lookup, AbortSignal.any([signal, AbortSignal.timeout(lookupMsMax)])));
      const addresses = answers.map(({ address }) => parseAnswer(address));
      for (const address of addresses) {
        const reason = judgeAddress(address, allowed);
        // Which address it was stays with us: who asked could map our network by it.
        if (reason !== null)
          throw new OperationalError("host.refused", `the host leads to an address that is ${reason}`);
      }
      const [first] = addresses;
      if (!first) throw new OperationalError("provider.unavailable", "the host has no address");
      return vetted(first);
    },
  };
}

/**
 * The host as every resolver would read it: `127.1`, `0x7f000001`, `2130706433` and full-width digits all become
 * `127.0.0.1` (WHATWG URL §3.5), brackets and the root's dot go.
 *
 * @throws OperationalError `host.refused` for what is neither a name nor an address
 */
function canonicalHost(host: string): string {
  const bracketed = /^\[(.*)\]$/.exec(host)?.[1];
  const bare = bracketed ?? host;
  if (bracketed !== undefined || bare.includes(":")) {
    if (bare.includes("%") || !ipaddr.IPv6.isValid(bare)) throw refusedName();
    return bare;
  }
  // Node reads the host of a URL: it would cut off what begins with one of these, or skip it.
  const name = /[\s/\\?#@%]|\p{Cc}/u.test(bare) ? "" : domainToASCII(bare).replace(/\.$/, "");
  // Domain names are letters, digits and hyphens (RFC 1123 §2.1); the underscore is met in private networks.
  if (name.length > 253 || !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)) throw refusedName();
  return name;
}

function refusedName(): OperationalError {
  return new OperationalError("host.refused", "the host is neither a domain name nor an IP address");
}

/** The system's resolver cannot be interrupted, so its answer may come when nobody waits any more. */
async function resolve(name: string, lookup: Lookup, signal: AbortSignal): ReturnType<Lookup> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([lookup(name), aborted]);
  } catch (error) {
    if (signal.aborted && signal.reason?.name !== "TimeoutError") throw error; // the caller's own abort
    throw new OperationalError("provider.unavailable", "the host does not resolve now", { cause: error });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function parseAnswer(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  if (!ipaddr.isValid(address) || address.includes("%"))
    throw new OperationalError("host.refused", "the host leads to an address with a zone");
  return ipaddr.parse(address);
}

function vetted(address: ipaddr.IPv4 | ipaddr.IPv6): VettedAddress {
  return { address: address.toString(), family: address.kind() === "ipv4" ? 4 : 6 };
}

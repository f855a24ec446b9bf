import { timingSafeEqual } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { OperationalError } from "@mailfleet/domain";
import { digestOf } from "./nonce.ts";

const recordPrefix = "mailfleet-binding=";
const lookUpMsMax = 5_000;
const recordsMax = 50;

/** In lower case, and as DNS writes it. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}

/** Where the record stands: below the domain, so that it is nobody's mail or web setting (RFC 8552). */
export function domainRecordName(address: string): string {
  return `_mailfleet.${domainOf(address)}`;
}

export type DomainProofRequest = {
  readonly address: string;
  readonly nonceSha256: Uint8Array;
  /** `address:port` of the servers to ask; the system's own where it is left out. */
  readonly servers?: readonly string[] | undefined;
};

/**
 * Whether `_mailfleet.<domain>` says `mailfleet-binding=<nonce>` now.
 *
 * @throws OperationalError `provider.unavailable` when DNS gave no answer; that a record is not there is an answer
 */
export async function hasDomainProof({ address, nonceSha256, servers }: DomainProofRequest): Promise<boolean> {
  const resolver = new Resolver({ timeout: lookUpMsMax, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const records = await resolver.resolveTxt(domainRecordName(address)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENODATA" || error.code === "ENOTFOUND") return [];
    throw new OperationalError("provider.unavailable", "DNS did not answer for the domain's record");
  });
  return records.slice(0, recordsMax).some((chunks) => {
    const text = chunks.join("");
    return text.startsWith(recordPrefix) && timingSafeEqual(digestOf(text.slice(recordPrefix.length)), nonceSha256);
  });
}

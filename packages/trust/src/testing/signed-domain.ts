import { generateKeyPairSync } from "node:crypto";
import { sealMessage } from "mailauth/lib/arc/index.js";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { LookupFailed, type TxtLookup } from "../txt-lookup.ts";

const selector = "s1";

export type SignedDomain = {
  readonly domain: string;
  /** The zone's TXT records, by name. */
  readonly records: Readonly<Record<string, string>>;
  /** The message with a signature on top that covers `From` and what else real senders cover. */
  sign(raw: string, options?: { maxBodyLength?: number }): Promise<string>;
  /** The message with a set of ARC fields on top, as a forwarder of this domain adds it. */
  seal(raw: string, set: { i: number; cv: "none" | "pass"; results: string }): Promise<string>;
};

/** A domain with a real key of its own, whose records a local zone answers for. */
export function createSignedDomain(domain: string, dmarc = "v=DMARC1; p=reject"): SignedDomain {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const key = { signingDomain: domain, selector, privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) };
  const published = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  return {
    domain,
    records: { [`${selector}._domainkey.${domain}`]: `v=DKIM1; k=rsa; p=${published}`, [`_dmarc.${domain}`]: dmarc },
    async sign(raw, options = {}) {
      const { signatures, errors } = await dkimSign(raw, { ...key, signatureData: [{ ...key, ...options }] });
      if (signatures === "" || errors.length > 0) throw new Error("the test's key did not sign");
      return `${signatures}${raw}`;
    },
    async seal(raw, { i, cv, results }) {
      const sealed = await sealMessage(raw, { ...key, i, cv, authResults: results });
      return `${sealed.toString("latin1")}${raw}`;
    },
  };
}

/** A resolver of exactly these zones. */
export function lookupIn(...zones: readonly Pick<SignedDomain, "records">[]): TxtLookup {
  const records = new Map(zones.flatMap((zone) => Object.entries(zone.records)));
  return async (name) => {
    const text = records.get(name.toLowerCase());
    if (text === undefined) throw new LookupFailed("ENOTFOUND");
    return [text.match(/.{1,255}/g) ?? []]; // a record is strings of at most 255 bytes (RFC 1035 §3.3.14)
  };
}

import { domainToASCII } from "node:url";
import { z } from "zod";

const addressLengthMax = 254; // RFC 5321 §4.5.3.1.3, less the angle brackets

/**
 * Before the @ a dot-atom, letters of every script among its characters (RFC 5321 §4.1.2, RFC 6531 §3.3); after it a name
 * in ASCII or of the same letters. What would need quoting is left out, and so is what looks like something else: spaces,
 * invisible characters and signs beyond ASCII.
 */
const atom = "(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]|[\\p{L}\\p{M}\\p{N}])+";
const label = "[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]*[\\p{L}\\p{M}\\p{N}])?";
const form = new RegExp(`^${atom}(?:\\.${atom})*@(${label}(?:\\.[\\p{L}\\p{M}\\p{N}-]+)*)$`, "iu");

/** Whether mail can be addressed to it as it stands. */
export function isMailAddress(address: string): boolean {
  const [, domain] = form.exec(address) ?? [];
  return address.length <= addressLengthMax && domain !== undefined && domainToASCII(domain) !== "";
}

/** An address that somebody typed: at a domain of more than one label. */
export const MailAddress = z
  .string()
  .max(addressLengthMax)
  .refine((address) => isMailAddress(address) && /@.+\../.test(address), "must be an email address")
  .meta({ format: "idn-email" });

/**
 * As it stands in an envelope: the domain in ASCII (RFC 5890, A-labels), which every server takes, and what is before the @
 * in its composed form (RFC 6532 §3.1). Only the latter may need SMTPUTF8.
 */
export function envelopeAddress(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  return `${address.slice(0, at).normalize("NFC")}@${domainToASCII(domain) || domain}`;
}

import { type Address, addressParser } from "postal-mime";
import type { MailAddress } from "./parsed-message.ts";
import { cutText, storableText } from "./storable-text.ts";

/** More recipients than any provider takes in one message; the header block has them all. */
const addressesMax = 1_000;
const nameLengthMax = 1_000;
/** Of all headers of one name together. */
const headerLengthMax = 65_536;

/** Reads address headers into one flat list: groups (RFC 5322 §3.4) become their members. */
export function parseMailAddresses(values: readonly string[], warn: (what: string) => void): MailAddress[] {
  const found: MailAddress[] = [];
  let lengthLeft = headerLengthMax;
  for (const value of values) {
    const read = cutText(value, lengthLeft);
    if (read.length < value.length) warn("cut");
    if (read === "") break;
    lengthLeft -= read.length;
    for (const entry of addressParser(read, { flatten: true })) addAddress(found, entry, warn);
  }
  if (found.length > addressesMax) warn("cut");
  return found.slice(0, addressesMax);
}

function addAddress(found: MailAddress[], entry: Address, warn: (what: string) => void): void {
  if (entry.group !== undefined) {
    for (const member of entry.group) addAddress(found, member, warn);
    return;
  }
  const replaced = () => warn("characters-replaced");
  const address = cutText(storableText(entry.address, replaced), nameLengthMax);
  const name = cutText(storableText(entry.name, replaced), nameLengthMax);
  if (address !== "" || name !== "") found.push({ name: name === "" ? null : name, address });
}

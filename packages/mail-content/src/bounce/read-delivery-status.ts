import type { Buffer } from "node:buffer";
import { readHeaders, splitEntity } from "../mime/header-block.ts";
import { type BounceAction, type BounceRecipient, bounceActions } from "./bounce.ts";
import { judgeFailure } from "./judge-failure.ts";
import { mailAddress } from "./mail-address.ts";

const recipientFields = new Set(["original-recipient", "final-recipient", "action", "status", "diagnostic-code"]);
const recipientsMax = 1_000;
const bytesReadMax = 1_048_576;

/**
 * The recipients of a `message/delivery-status` part (RFC 3464 §2.3): a group of fields each. An address is the one the
 * sender used where the report names it (Original-Recipient), so that it is found again. `words` tells more than the fields
 * do where a server fills them with nothing.
 */
export function readDeliveryStatus(bytes: Buffer, words: (address: string) => string | null): BounceRecipient[] {
  const recipients: BounceRecipient[] = [];
  const part = bytes.subarray(0, bytesReadMax);
  for (let start = 0; start < part.length && recipients.length < recipientsMax; ) {
    const { headersEnd, bodyStart } = splitEntity(part, start, part.length);
    const group = part.subarray(start, headersEnd);
    start = Math.max(bodyStart, start + 1);
    if (group.length === 0) continue;
    const fields = readHeaders(group, recipientFields);
    const value = (name: string) => fields.get(name)?.[0] ?? "";
    const address =
      mailAddress(afterType(value("original-recipient"))) ?? mailAddress(afterType(value("final-recipient")));
    if (address === null) continue;
    const status = /[245]\.\d{1,3}\.\d{1,3}/.exec(value("status"))?.[0] ?? null;
    const diagnostic = afterType(value("diagnostic-code"));
    const reason = diagnostic === "" ? words(address) : diagnostic;
    recipients.push(judgeFailure({ address, action: toAction(value("action"), status), status, reason }));
  }
  return recipients;
}

/** Without `rfc822;` or `smtp;` in front. */
function afterType(value: string): string {
  return value.replace(/^[\w-]+\s*;\s*/, "").trim();
}

function toAction(value: string, status: string | null): BounceAction {
  const word = /[a-z]+/.exec(value.toLowerCase())?.[0];
  const known = bounceActions.find((action) => action === word);
  if (known !== undefined) return known;
  return status?.startsWith("4") ? "delayed" : status?.startsWith("2") ? "delivered" : "failed";
}

import { OperationalError, type OutgoingMessage } from "@mailfleet/domain";

const cr = 0x0d;
const lf = 0x0a;

/**
 * Refuses what could not arrive as it is. A lone CR or LF would be rewritten on the way, which breaks signatures and
 * hashes, and servers that disagree about where a line ends can be made to see a second message (SMTP smuggling).
 *
 * @throws OperationalError `contract.violated`
 */
export function checkMessage({ envelope, raw }: OutgoingMessage): void {
  // The empty address is the null sender of reports and automatic answers (RFC 5321 §4.5.5).
  if (envelope.from !== "" && !isAddress(envelope.from)) throw violated("the sender is not one plain address");
  if (envelope.to.length === 0) throw violated("there is no recipient");
  const malformed = envelope.to.findIndex((address) => !isAddress(address));
  if (malformed !== -1) throw violated(`recipient ${malformed} is not one plain address`);
  if (new Set(envelope.to).size !== envelope.to.length) throw violated("a recipient is named twice");
  if (raw.length === 0) throw violated("the message is empty");
  if (!hasOnlyCrlf(raw)) throw violated("the message has a line that does not end in CRLF");
}

/** What may stand between the angle brackets of MAIL FROM and RCPT TO: no space, bracket or control character. */
function isAddress(address: string): boolean {
  return address.length <= 320 && /^[^\s<>\p{Cc}]+@[^\s<>@\p{Cc}]+$/u.test(address);
}

function hasOnlyCrlf(raw: Uint8Array): boolean {
  for (let at = raw.indexOf(lf); at !== -1; at = raw.indexOf(lf, at + 1)) {
    if (raw[at - 1] !== cr) return false;
  }
  for (let at = raw.indexOf(cr); at !== -1; at = raw.indexOf(cr, at + 1)) {
    if (raw[at + 1] !== lf) return false;
  }
  return true;
}

function violated(what: string): OperationalError {
  return new OperationalError("contract.violated", `outgoing message: ${what}`);
}

import { Buffer } from "node:buffer";
import { envelopeAddress, isMailAddress } from "@mailfleet/domain";
import type { ComposedMessage } from "../compose-message.ts";
import { parseMailAddresses } from "../mail-addresses.ts";
import type { OwnHeader } from "../message-draft.ts";
import { splitEntity } from "../mime/header-block.ts";
import { referencesSentMax } from "../reply.ts";
import { trimReferences } from "../trim-references.ts";
import { canonicalBytes } from "./canonical-bytes.ts";
import { refuseMessage } from "./refuse-message.ts";
import { type RawField, splitFields, unfolded } from "./split-fields.ts";

/** A message that somebody else composed, ready to be sent from a mailbox. */
export type WholeMessage = {
  /** The only address of its From header, as it is written there. */
  readonly from: string;
  /** To, Cc and Bcc: ASCII (RFC 5321), each once. */
  readonly recipients: readonly string[];
  readonly fields: readonly RawField[];
  /** From the empty line after the headers on. */
  readonly rest: Uint8Array;
};

/** What is the fleet's to say of every message that leaves. */
export type OwnFields = {
  readonly messageIdHeader: string;
  readonly date: Date;
  readonly headers: Readonly<Partial<Record<OwnHeader, string>>>;
  /** Null keeps what the message says of its thread itself. */
  readonly thread: { readonly inReplyTo: string | null; readonly references: readonly string[] } | null;
};

/** As many as a request may name otherwise. */
const recipientsMax = 500;

/**
 * Reads a message in RFC 5322 form as one that is to leave: who sends it, and to whom. Lines may end in LF.
 *
 * @throws OperationalError `contract.violated` where its sender is not one address, it has no recipient, or something in it
 *   could not arrive as it is; never names a value
 */
export function readWholeMessage(raw: Uint8Array): WholeMessage {
  const bytes = canonicalBytes(raw);
  const { headersEnd } = splitEntity(bytes, 0, bytes.length);
  if (headersEnd === 0) refuseMessage("has no headers");
  const fields = splitFields(bytes.subarray(0, headersEnd));
  const addresses = (name: string) => addressesOf(fields, name);
  const [from, ...others] = addresses("from");
  if (from === undefined || others.length > 0) refuseMessage("does not have exactly one address in its From header");
  // RFC 5322 §3.6.2: Sender is the account that hands it in, and that is the mailbox of From here.
  if (addresses("sender").some((sender) => sender.toLowerCase() !== from.toLowerCase()))
    refuseMessage("names another sender than its From header");
  const recipients = [...new Set([...addresses("to"), ...addresses("cc"), ...addresses("bcc")].map(envelopeAddress))];
  if (recipients.length === 0) refuseMessage("has no recipient in To, Cc or Bcc");
  if (recipients.length > recipientsMax) refuseMessage(`has more than ${recipientsMax} recipients`);
  return { from, recipients, fields, rest: bytes.subarray(headersEnd) };
}

/**
 * The same message with our Message-ID and Date, without Bcc, and without what the servers on its way will say for
 * themselves. Everything from the empty line on stays as it is, byte for byte.
 */
export function adoptMessage(message: WholeMessage, envelopeFrom: string, own: OwnFields): ComposedMessage {
  const { messageIdHeader, date, headers, thread } = own;
  const set: [string, string | null][] = [
    ["Message-ID", messageIdHeader],
    ["Date", date.toUTCString().replace(/GMT$/, "+0000")],
    ...Object.entries(headers),
    ...(thread === null ? [] : threadFields(thread)),
  ];
  const replaced = new Set(set.map(([name]) => name.toLowerCase()));
  const kept = message.fields.filter(({ name }) => !replaced.has(name) && !isLeftOut(name));
  const written = set.flatMap(([name, value]) => (value === null ? [] : `${name}: ${value}\r\n`));
  const head = [...written, ...kept.map(({ text }) => text)].join("");
  // The last header's line break is the first of the two that end the headers.
  const rest = message.rest.length <= 2 ? Buffer.from("\r\n\r\n") : message.rest;
  return {
    raw: Buffer.concat([Buffer.from(head.slice(0, -2), "latin1"), rest]),
    messageIdHeader,
    envelope: { from: envelopeAddress(envelopeFrom), to: message.recipients },
  };
}

function threadFields({ inReplyTo, references }: NonNullable<OwnFields["thread"]>): [string, string | null][] {
  const ids = trimReferences(references, referencesSentMax);
  return [
    ["In-Reply-To", inReplyTo],
    ["References", ids.length === 0 ? null : ids.join("\r\n ")],
  ];
}

/** Blind copies, traces of another way (RFC 5322 §3.6.6, §3.6.7), and signatures over headers that we change. */
const leftOut =
  /^(bcc|sender|return-path|received|received-spf|delivered-to|envelope-to|x-original-to|authentication-results|dkim-signature|domainkey-signature|resent-.*|arc-.*|x-mailfleet-.*)$/;

function isLeftOut(name: string): boolean {
  return leftOut.test(name);
}

function addressesOf(fields: readonly RawField[], name: string): readonly string[] {
  const values = fields.filter((field) => field.name === name).map(unfolded);
  const found = parseMailAddresses(values, (what) => {
    if (what === "cut") refuseMessage(`has more in its ${name} header than can be read`);
  });
  return found.map(({ address }) => {
    if (!isMailAddress(address)) refuseMessage(`has something in its ${name} header that is no address`);
    return address;
  });
}

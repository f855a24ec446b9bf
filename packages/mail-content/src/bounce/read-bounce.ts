import { Buffer } from "node:buffer";
import { parseMessageIds, readMessageIdHeader } from "../message-id-header.ts";
import type { Leaf } from "../mime/list-leaves.ts";
import { isMessage } from "../mime/list-leaves.ts";
import type { Bounce, BounceAction, BounceRecipient } from "./bounce.ts";
import { judgeFailure } from "./judge-failure.ts";
import { mailAddress } from "./mail-address.ts";
import { judgeNamed, namedRecipients, reportWords } from "./read-bounce-text.ts";
import { readDeliveryStatus } from "./read-delivery-status.ts";

export type ReportedMail = {
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly from: readonly { readonly name: string | null; readonly address: string }[];
  readonly to: readonly { readonly address: string }[];
  readonly subject: string | null;
  readonly text: string | null;
  readonly leaves: readonly Leaf[];
};

/** What a report of a failed or delayed delivery says, or null where the message is none. */
export function readBounce(mail: ReportedMail): Bounce | null {
  const statusParts = mail.leaves.filter(
    ({ contentType, nesting }) => nesting === 0 && isDeliveryStatus(contentType.value),
  );
  if (statusParts.length === 0 && !looksLikeBounce(mail)) return null;
  const words = reportWords(mail.text ?? "");
  const named = namedRecipients(words, ownAddresses(mail));
  const wordsOn = (address: string) => {
    const said = named.find((recipient) => recipient.address.toLowerCase() === address.toLowerCase())?.reason;
    return said ?? (named.length <= 1 ? words : null);
  };
  const reported = statusParts.flatMap(({ bytes }) => readDeliveryStatus(bytes, wordsOn));
  const recipients = reported.length > 0 ? reported : byWords(mail, named, words);
  return { originalMessageId: originalMessageId(mail), recipients: onceEach(recipients) };
}

function isDeliveryStatus(type: string): boolean {
  return type === "message/delivery-status" || type === "message/global-delivery-status";
}

function byWords(mail: ReportedMail, named: ReturnType<typeof namedRecipients>, words: string): BounceRecipient[] {
  const action: BounceAction = stillTried.test(`${mail.subject ?? ""}\n${words}`) ? "delayed" : "failed";
  const failed = listedAddresses(mail.headers.get("x-failed-recipients") ?? mail.headers.get("final-recipient") ?? []);
  if (failed.length === 0) return judgeNamed(named, words, action);
  // Exim and Gmail list them in a header; the words say why.
  return failed.map((address) => {
    const said = named.find((recipient) => recipient.address.toLowerCase() === address.toLowerCase())?.reason ?? null;
    return judgeFailure({ address, action, status: null, reason: said ?? (failed.length === 1 ? words : null) });
  });
}

function listedAddresses(values: readonly string[]): string[] {
  const parts = values
    .join(",")
    .slice(0, 20_000)
    .split(/[,\s]+/);
  return parts.flatMap((part) => mailAddress(part.replace(/^rfc822;/i, "")) ?? []);
}

function ownAddresses({ from, to }: ReportedMail): ReadonlySet<string> {
  return new Set([...from, ...to].map(({ address }) => address.toLowerCase()));
}

function onceEach(recipients: readonly BounceRecipient[]): BounceRecipient[] {
  const byAddress = new Map(recipients.map((recipient) => [recipient.address.toLowerCase(), recipient]));
  return [...byAddress.values()];
}

/** A report in words only: the machine that sent it, and how it says so. Two of three must agree; the words are read last. */
function looksLikeBounce(mail: ReportedMail): boolean {
  if (mail.headers.has("x-failed-recipients")) return true;
  const [sender] = mail.from;
  const byDaemon =
    mail.headers.get("return-path")?.some((path) => /^<\s*>$/.test(path)) === true ||
    /^(mailer-daemon|postmaster|mail-daemon|mdaemon|bounces?)(@|$)/i.test(sender?.address ?? "") ||
    /^(mail delivery (sub)?system|mail administrator|system administrator|microsoft outlook|microsoft exchange)$/i.test(
      sender?.name ?? "",
    );
  const subject = bounceSubject.test(mail.subject ?? "");
  const reports = byDaemon && !autoReplySubject.test(mail.subject ?? "");
  if (reports && subject) return true;
  return (reports || subject) && bounceWords.test(reportWords(mail.text ?? ""));
}

export const autoReplySubject =
  /^(automatic reply|auto(matic)?[- ]?(reply|response|antwort)|out of (the )?office|autosvar|abwesen|automatische antwort|réponse automatique|respuesta automática|risposta automatica|resposta automática|automatisch antwoord|automaattinen|odpowiedź automatyczna|автоответ|自动答复|自動回覆|自動応答|[āa]rpus biroja|on vacation)/i;

const bounceSubject =
  /undeliver(able|ed)|delivery (status notification|failure|failed|has failed|report|problem|delayed)|mail delivery (failed|failure|problem|system)|message delivery (failed|failure)|returned mail|returning message to sender|failure notice|delivery incomplete|could not (be delivered|send message)|non.?remis|unzustellbar|no se puede entregar|olevererbart|onbestelbaar|mail failure|address not found|message blocked|warning: (message|could not send)/i;

const bounceWords =
  /qmail-send program|mail delivery software|delivery status notification|could not be delivered|couldn'?t be delivered|wasn'?t delivered|was not delivered|(?:undeliverable|unable to deliver|permanent fatal errors|transient non-fatal errors)|delivery to the following recipient|did not reach the following recipient|delivery has failed to these recipients|delivery of (?:the |your )?(?:e-?mail|message)[^.]{0,40}\s+(?:has )?failed|delivery of email to this address|i'm sorry to have to inform you|has not been delivered|not yet been delivered|following address(?:\(es\)|es)? (?:had|failed|have)|returned to (?:the )?sender|problem delivering your message|message (?:is )?(?:still )?being (?:retried|delayed)/i;

const stillTried =
  /notification \((delay|verzögerung)\)|has been delayed|will be retried|not yet been delivered|transient non-fatal|this is a warning message only|warning: could not send|still being retried|delivery (is )?delayed|delayed \d+ hours|will (continue|keep) (trying|to try)|delivery incomplete|no action is required on your part/i;

/** From the returned message, from its copy in the words, or from what the report answers. */
export function originalMessageId({ leaves, text, headers }: ReportedMail): string | null {
  for (const { contentType, bytes, nesting, headers: partHeaders } of leaves) {
    const returned =
      isMessage({ contentType }) || /^text\/rfc822-headers$|^message\/.*headers$/.test(contentType.value);
    if (nesting > 0 || !returned) continue;
    // Some servers forget the empty line, so that the returned headers are the part's own.
    const id = readMessageIdHeader(bytes) ?? readMessageIdHeader(partHeaders);
    if (id !== null) return id;
  }
  const [, quoted] =
    /^[> \t]*(?:x-microsoft-original-)?message-id:[ \t]*\r?\n?[ \t>]*(<[^<>\s]+>)/im.exec(
      text?.slice(0, 500_000) ?? "",
    ) ?? [];
  if (quoted !== undefined) return readMessageIdHeader(Buffer.from(`Message-ID: ${quoted}\n\n`));
  for (const name of ["x-microsoft-original-message-id", "in-reply-to", "references"]) {
    const id = (headers.get(name) ?? []).flatMap(parseMessageIds).at(-1);
    if (id !== undefined) return id;
  }
  return null;
}

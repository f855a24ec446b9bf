import { actionFor, askClassifiers, labelsOf } from "@mailfleet/classifiers";
import {
  type Database,
  type InboundAction,
  type Judgement,
  type NewMessage,
  type Pollable,
  type SenderFacts,
  type TenantPolicy,
  unjudged,
} from "@mailfleet/database";
import { type ClassifiableContent, type ContentClassifier, comparedAddress, untrusted } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { ReadableMessage } from "@mailfleet/mail-content";
import type { TxtLookup } from "@mailfleet/trust";
import { checkSender } from "./check-sender.ts";

export type JudgePageDeps = {
  readonly database: {
    readonly policies: Pick<Database["policies"], "senderFacts">;
    readonly inbox: Pick<Database["inbox"], "threadClaims">;
  };
  readonly classifiers: readonly ContentClassifier[];
  /** Where the keys of senders are asked for. */
  readonly lookupTxt: TxtLookup;
};

/** A message on its way into a row. Without content and bytes where it could not be read. */
export type DraftMessage = Omit<NewMessage, "judgement"> &
  (
    | { readonly content: ReadableMessage; readonly bytes: Uint8Array }
    | { readonly content: null; readonly bytes: null }
  );

export type JudgedPage = {
  readonly mailbox: Pick<Pollable, "senderTrust">;
  readonly drafts: readonly DraftMessage[];
  readonly signal: AbortSignal;
};

/**
 * Looks at every message of a page before any of them is stored: who wrote it, what it is like, and what the tenant's policy
 * makes of that. What could not be read is held, under the name of the limit it broke.
 */
export async function judgePage(
  { database, classifiers, lookupTxt }: JudgePageDeps,
  grant: Grant<"mailbox.poll">,
  { mailbox, drafts, signal }: JudgedPage,
): Promise<readonly NewMessage[]> {
  if (drafts.length === 0) return [];
  const addresses = drafts.flatMap(({ envelope }) => envelope.from.map(({ address }) => comparedAddress(address)));
  const [facts, claims] = await Promise.all([
    database.policies.senderFacts(grant, addresses),
    database.inbox.threadClaims(grant, drafts),
  ]);
  return Promise.all(
    drafts.map(async ({ content, bytes, ...message }, index) => {
      if (content === null) return { ...message, judgement: unread(message.unparsedReason ?? "unread") };
      const [sender, verdicts] = await Promise.all([
        checkSender({ ...message, bytes, claimsThread: claims[index] === true }, { mailbox, facts, lookup: lookupTxt }),
        askClassifiers(classifiers, toClassifiable(message, content, facts), { signal }),
      ]);
      return { ...message, judgement: { ...sender, verdicts, ...decide(sender, verdicts, facts.policy) } };
    }),
  );
}

/** Nothing is known of it but that it is too much. */
export function unread(quarantineReason: string): Judgement {
  return { ...unjudged, quarantineReason };
}

const order = ["deliver", "flag", "quarantine"] as const;

/** A sender has rules of its own, which the star for content does not reach: most honest mail is from somebody unproven. */
function decide(
  { senderVerdict }: Pick<Judgement, "senderVerdict">,
  verdicts: Judgement["verdicts"],
  { inboundActions }: TenantPolicy,
): Pick<Judgement, "flags" | "quarantineReason"> {
  const { "*": _, ...senderRules } = inboundActions;
  const bySender = (label: string) =>
    actionFor<InboundAction>([label], senderRules, {
      order,
      otherwise: () => (label === "sender-spoofed" ? "quarantine" : "deliver"),
    });
  // A classifier's silence is flagged like a finding: mail that nobody looked at is delivered, and says so.
  const byContent = (label: string) =>
    actionFor<InboundAction>([label], inboundActions, { order, otherwise: () => "flag" });
  const decided = [bySender(`sender-${senderVerdict}`), ...labelsOf(verdicts).map(byContent)];
  const found = decided.flatMap(({ label, action }) => (label === null ? [] : [{ label, action }]));
  return {
    flags: found.map(({ label }) => label),
    quarantineReason: found.find(({ action }) => action === "quarantine")?.label ?? null,
  };
}

function toClassifiable(
  { envelope }: Pick<NewMessage, "envelope">,
  { text, html, attachments }: ReadableMessage,
  { policy, ownDomains, knownAddresses }: SenderFacts,
): ClassifiableContent {
  const listed = policy.senders.map((pattern) => pattern.slice(pattern.lastIndexOf("@") + 1));
  const { subject, from, replyTo } = envelope;
  return {
    direction: "inbound",
    subject,
    ...untrusted({ text, html }),
    from,
    replyTo,
    attachments: attachments.map(({ filename, contentType, bytes }) => {
      return { ...untrusted({ filename, contentType }), sizeBytes: bytes.byteLength };
    }),
    facts: {
      firstTimeSender: !from.some(({ address }) => knownAddresses.has(comparedAddress(address))),
      knownDomains: [...new Set([...ownDomains, ...listed])],
    },
  };
}

import { actionFor, askClassifiers, labelsOf } from "@mailfleet/classifiers";
import type { Database, InboundAction, Judgement, NewMessage, SenderFacts, TenantPolicy } from "@mailfleet/database";
import { type ClassifiableContent, type ContentClassifier, comparedAddress, untrusted } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { ReadableMessage } from "@mailfleet/mail-content";

export type JudgePageDeps = {
  readonly database: { readonly policies: Pick<Database["policies"], "senderFacts"> };
  readonly classifiers: readonly ContentClassifier[];
};

/** A message on its way into a row. `content` is null where it could not be read. */
export type DraftMessage = Omit<NewMessage, "judgement"> & { readonly content: ReadableMessage | null };

/**
 * Looks at every message of a page before any of them is stored: who wrote it, what it is like, and what the tenant's policy
 * makes of that. What could not be read is held, under the name of the limit it broke.
 */
export async function judgePage(
  { database, classifiers }: JudgePageDeps,
  grant: Grant<"mailbox.poll">,
  drafts: readonly DraftMessage[],
  { signal }: { signal: AbortSignal },
): Promise<readonly NewMessage[]> {
  if (drafts.length === 0) return [];
  const addresses = drafts.flatMap(({ envelope }) => envelope.from.map(({ address }) => comparedAddress(address)));
  const facts = await database.policies.senderFacts(grant, addresses);
  return Promise.all(
    drafts.map(async ({ content, ...message }) => {
      if (content === null) return { ...message, judgement: unread(message.unparsedReason ?? "unread") };
      const shown = toClassifiable(message, content, facts);
      const verdicts = await askClassifiers(classifiers, shown, { signal });
      return { ...message, judgement: judge(verdicts, facts.policy) };
    }),
  );
}

/** Nothing is known of it but that it is too much. */
export function unread(quarantineReason: string): Judgement {
  const unknown = { senderVerdict: "unverified", senderEvidence: [], attributedTo: null } as const;
  return { ...unknown, flags: [], verdicts: [], quarantineReason };
}

function judge(verdicts: Judgement["verdicts"], { inboundActions }: TenantPolicy): Judgement {
  const labels = labelsOf(verdicts);
  const decide = (asked: readonly string[]) =>
    actionFor<InboundAction>(asked, inboundActions, {
      order: ["deliver", "flag", "quarantine"],
      otherwise: () => "flag", // also for a classifier's silence: mail that nobody looked at is delivered and says so
    });
  const { action, label } = decide(labels);
  const flags = labels.filter((each) => decide([each]).action !== "deliver");
  return { ...unread(""), flags, verdicts, quarantineReason: action === "quarantine" ? label : null };
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

import { actionFor, askClassifiers, labelsOf } from "@mailfleet/classifiers";
import type { Database, Deliverable, OutboundAction } from "@mailfleet/database";
import {
  type ClassifiableContent,
  type ContentClassifier,
  type ContentVerdict,
  OperationalError,
  type SubmissionId,
  untrusted,
} from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { parseMessage } from "@mailfleet/mail-content";

export type PassContentDeps = {
  readonly database: Pick<Database, "submissions">;
  readonly classifiers: readonly ContentClassifier[];
};

type Outgoing = {
  readonly submissionId: SubmissionId;
  readonly deliverable: Pick<Deliverable, "isContentReleased" | "outboundActions">;
  readonly raw: Uint8Array;
  readonly signal: AbortSignal;
};

/**
 * Looks at a message before it leaves, as it will leave; the tenant's policy says whether it goes. What is found is stored
 * when it stays, and otherwise by whoever lets it go. A person who released it has looked: it is not held for a second time.
 *
 * @returns what is found of a message that may go; undefined: nobody looked
 * @throws OperationalError `content.held`, `content.refused`, `classifier.unavailable`; nothing was sent
 */
export async function passContent(
  { database, classifiers }: PassContentDeps,
  grant: Grant<"submission.deliver">,
  { submissionId, deliverable, raw, signal }: Outgoing,
): Promise<readonly ContentVerdict[] | undefined> {
  if (deliverable.isContentReleased) return undefined;
  const shown = toClassifiable(raw);
  const verdicts = shown === null ? [unreadable] : await askClassifiers(classifiers, shown, { signal });
  const { action, label } = actionFor<OutboundAction>(labelsOf(verdicts), deliverable.outboundActions, {
    order: ["deliver", "hold", "refuse"],
    otherwise: () => "hold",
  });
  if (action === "deliver") return verdicts;
  await database.submissions.recordVerdicts(grant, submissionId, verdicts);
  if (action === "refuse") throw new OperationalError("content.refused", `the content was refused: ${label}`);
  if (verdicts.every(({ answered }) => answered))
    throw new OperationalError("content.held", `the content is held: ${label}`);
  throw new OperationalError("classifier.unavailable", "a classifier did not answer; the message is held");
}

/** What nobody can read, nobody has looked at. */
const unreadable: ContentVerdict = { classifier: "parser", version: "1", labels: ["unreadable"], answered: true };

/** The bytes themselves are read again: what was asked for and what was made of it could differ. */
function toClassifiable(raw: Uint8Array): ClassifiableContent | null {
  const parsed = parseMessage(raw);
  const facts = { firstTimeSender: false, knownDomains: [] };
  const shared = { direction: "outbound", from: [], replyTo: [], facts } as const;
  if (parsed.kind === "unparsed") return null;
  const { subject, text, html, attachments } = parsed;
  return {
    ...shared,
    ...untrusted({ subject, text, html }),
    attachments: attachments.map(({ filename, contentType, bytes }) => {
      return { ...untrusted({ filename, contentType }), sizeBytes: bytes.byteLength };
    }),
  };
}

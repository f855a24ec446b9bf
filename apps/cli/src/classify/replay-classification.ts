import { askClassifiers, createContentClassifiers, labelsOf } from "@mailfleet/classifiers";
import type { ClassifiedMessage, SenderFacts } from "@mailfleet/database";
import { type ClassifiableContent, comparedAddress, MessageId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { parseMessage } from "@mailfleet/mail-content";
import { findScope, findTenant, resourceOf } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { toClassifiable } from "./to-classifiable.ts";

export type Replay = { readonly tenant?: string; readonly mailbox?: string };
export type Replayed = { readonly id: string; readonly before: readonly string[]; readonly after: readonly string[] };
export type ReplaySummary = { readonly classifiedCount: number; readonly changed: readonly Replayed[] };

const pageRows = 100;

/**
 * Shows stored messages to today's classifiers and stores what they say, with their versions. It tells what changed and
 * changes nothing else: who was told of a message stays told, and what is held stays held until a person says otherwise.
 */
export async function replayClassification(session: Session, { tenant, mailbox }: Replay): Promise<ReplaySummary> {
  const tenantId = await findTenant(session, tenant, "message.classify");
  const classifiers = createContentClassifiers(session.config.classifier(), session.now);
  const changed: Replayed[] = [];
  let classifiedCount = 0;
  for (const mailboxId of await findScope(session, tenantId, mailbox)) {
    let after: MessageId | null = null;
    for (;;) {
      const grant = await session.authorize("message.classify", resourceOf(tenantId, mailboxId)); // each page anew
      const rows: readonly ClassifiedMessage[] = await session.database.contentVerdicts.listAfter(grant, {
        after,
        limit: pageRows,
      });
      const facts = await session.database.policies.senderFacts(grant, rows.flatMap(sendersOf));
      for (const row of rows) {
        const content = await readContent(session, grant, row, facts);
        if (content === null) continue;
        const verdicts = await askClassifiers(classifiers, content, { signal: AbortSignal.timeout(60_000) });
        await session.database.contentVerdicts.record(grant, MessageId.parse(row.id), verdicts);
        const [before, now] = [labelsOf(row.verdicts), labelsOf(verdicts)];
        if (before.toSorted().join() !== now.toSorted().join()) changed.push({ id: row.id, before, after: now });
        classifiedCount += 1;
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageRows) break;
      after = MessageId.parse(last.id);
    }
  }
  return { classifiedCount, changed };
}

function sendersOf({ envelope }: ClassifiedMessage): readonly string[] {
  return envelope.from.map(({ address }) => comparedAddress(address));
}

/** Null where the bytes are gone or cannot be read any more: there is nothing to look at. */
async function readContent(
  session: Session,
  grant: Grant<"message.classify">,
  row: ClassifiedMessage,
  { policy, ownDomains, knownAddresses }: SenderFacts,
): Promise<ClassifiableContent | null> {
  const parsed = parseMessage(await readRaw(session, grant, row));
  if (parsed.kind === "unparsed") return null;
  const listed = policy.senders.map((pattern) => pattern.slice(pattern.lastIndexOf("@") + 1));
  return toClassifiable(parsed, {
    firstTimeSender: !sendersOf(row).some((address) => knownAddresses.has(address)),
    knownDomains: [...new Set([...ownDomains, ...listed])],
  });
}

async function readRaw(
  session: Session,
  grant: Grant<"message.classify">,
  { raw }: ClassifiedMessage,
): Promise<Buffer> {
  try {
    return Buffer.concat(await Array.fromAsync(session.blobs().read(grant, raw)));
  } catch (error) {
    if (error instanceof OperationalError && error.code === "blob.missing") return Buffer.alloc(0);
    throw error;
  }
}

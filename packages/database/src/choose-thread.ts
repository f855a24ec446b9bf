import type { ThreadId } from "@mailfleet/domain";

export type Linked = {
  readonly messageIdHeader: string | null;
  readonly inReplyTo: string | null;
  /** Oldest first, as in the header (RFC 5322 §3.6.4). */
  readonly references: readonly string[];
  /** Who wrote it, as far as anybody vouches for it; null where nobody does. */
  readonly author: string | null;
  /** Whom the message brings into its thread, its author among them; nobody where it has no author. */
  readonly participants: readonly string[];
};

/** Threads by the Message-IDs in them, those found first preferred, and who takes part in each. In lower case. */
export type KnownThreads = {
  readonly byHeader: Map<string, ThreadId[]>;
  readonly participants: Map<ThreadId, Set<string>>;
};

/**
 * The thread of a message: the nearest one it answers in which its author takes part, or a new one. A Message-ID is no secret,
 * so knowing one lets nobody in; and one that stands in two messages leads each author to a thread of their own. What is
 * decided is added to `known`, for the messages that follow.
 */
export function chooseThread(message: Linked, known: KnownThreads, newThread: () => ThreadId): ThreadId {
  const threadId = threadJoined(message, known) ?? newThread();
  const participants = known.participants.get(threadId) ?? new Set();
  for (const address of message.participants) participants.add(address.toLowerCase());
  known.participants.set(threadId, participants);
  if (message.messageIdHeader !== null) {
    const threads = known.byHeader.get(message.messageIdHeader) ?? [];
    if (!threads.includes(threadId)) known.byHeader.set(message.messageIdHeader, [...threads, threadId]);
  }
  return threadId;
}

/** The nearest thread it answers in which its author takes part. */
export function threadJoined(message: Linked, { byHeader, participants }: KnownThreads): ThreadId | undefined {
  const author = message.author?.toLowerCase();
  if (author === undefined) return undefined;
  return ancestors(message)
    .flatMap((header) => byHeader.get(header) ?? [])
    .find((threadId) => participants.get(threadId)?.has(author));
}

/** Nearest first. */
export function ancestors({ inReplyTo, references }: Pick<Linked, "inReplyTo" | "references">): readonly string[] {
  const nearestFirst = references.toReversed();
  return inReplyTo === null ? nearestFirst : [inReplyTo, ...nearestFirst];
}

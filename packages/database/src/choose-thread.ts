import type { ThreadId } from "@mailfleet/domain";

export type Linked = {
  readonly messageIdHeader: string | null;
  readonly inReplyTo: string | null;
  /** Oldest first, as in the header (RFC 5322 §3.6.4). */
  readonly references: readonly string[];
  /** The provider's own id of the conversation. */
  readonly providerThread: string | null;
  /** Without the marks of an answer; null where it is too short to tell anything. */
  readonly subject: string | null;
  /** It says that it answers, and nothing of what: then its subject may tell. */
  readonly answersSubject: boolean;
  /** Who wrote it, as far as anybody vouches for it; null where nobody does. */
  readonly author: string | null;
  /** Whom the message brings into its thread, its author among them; nobody where it has no author. */
  readonly participants: readonly string[];
};

/** Threads by what names them (see `keysOf`), those found first preferred, and who takes part in each. In lower case. */
export type KnownThreads = {
  readonly byKey: Map<string, ThreadId[]>;
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
  for (const key of keysBorne(message)) {
    const threads = known.byKey.get(key) ?? [];
    if (!threads.includes(threadId)) known.byKey.set(key, [...threads, threadId]);
  }
  return threadId;
}

/** The nearest thread it answers in which its author takes part. */
export function threadJoined(message: Linked, { byKey, participants }: KnownThreads): ThreadId | undefined {
  const author = message.author?.toLowerCase();
  if (author === undefined) return undefined;
  return keysJoined(message)
    .flatMap((key) => byKey.get(key) ?? [])
    .find((threadId) => participants.get(threadId)?.has(author));
}

/** What names a thread: a Message-ID in it, the provider's id of it, and, where nothing else does, a subject. */
export const keysOf = {
  header: (messageId: string) => `header ${messageId}`,
  provider: (threadId: string) => `provider ${threadId}`,
  subject: (subject: string) => `subject ${subject}`,
} as const;

/** The nearest message first, then what its provider says, and its subject last. */
function keysJoined(message: Linked): readonly string[] {
  const { providerThread, subject, answersSubject } = message;
  return [
    ...ancestors(message).map(keysOf.header),
    ...(providerThread === null ? [] : [keysOf.provider(providerThread)]),
    ...(subject === null || !answersSubject ? [] : [keysOf.subject(subject)]),
  ];
}

function keysBorne({ messageIdHeader, providerThread, subject }: Linked): readonly string[] {
  return [
    ...(messageIdHeader === null ? [] : [keysOf.header(messageIdHeader)]),
    ...(providerThread === null ? [] : [keysOf.provider(providerThread)]),
    ...(subject === null ? [] : [keysOf.subject(subject)]),
  ];
}

/** Nearest first. */
export function ancestors({ inReplyTo, references }: Pick<Linked, "inReplyTo" | "references">): readonly string[] {
  const nearestFirst = references.toReversed();
  return inReplyTo === null ? nearestFirst : [inReplyTo, ...nearestFirst];
}

/** What a provider takes from one mailbox, whoever sends through it. */
export type SendingLimits = {
  readonly perMinute: number | null;
  /** Connections at once. */
  readonly connectionsMax: number | null;
  /** In any 24 hours. */
  readonly messagesPerDay: number | null;
  readonly recipientsPerDay: number | null;
  readonly recipientsPerMessage: number;
};

const microsoft: SendingLimits = {
  perMinute: 30,
  connectionsMax: 3,
  messagesPerDay: null,
  recipientsPerDay: 10_000,
  recipientsPerMessage: 500,
};
const google: SendingLimits = {
  perMinute: null,
  connectionsMax: null,
  messagesPerDay: 2_000,
  recipientsPerDay: 10_000,
  recipientsPerMessage: 100,
};

const byHost: Readonly<Record<string, SendingLimits>> = {
  "smtp.office365.com": microsoft,
  "smtp.gmail.com": google,
};

/**
 * By the name of the submission server; null where no limit is known. Exchange Online's limits are those of SMTP client
 * submission ("Exchange Online limits", Microsoft Learn), Google's those of Workspace (support.google.com/a/answer/166852).
 */
export function sendingLimitsOf(host: string): SendingLimits | null {
  return byHost[host.toLowerCase()] ?? null;
}

/** What was handed in, or is to be, in an hour that begins at `hour`, in ms since 1970. */
export type SentHour = { readonly hour: number; readonly messages: number; readonly recipients: number };

/** A mailbox's past and promised sends. */
export type SendingBook = {
  /** No send before this moment, in ms since 1970. */
  readonly freeAt: number;
  /** The hours that may still count, the oldest first. */
  readonly hours: readonly SentHour[];
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * The next moment at which a message may leave, and the book with it in. Never before one that was reserved earlier, so that
 * messages leave in the order in which they asked. An hour counts until a day after its end: a little longer than it has to.
 *
 * @param now in ms since 1970
 */
export function reserveSend(
  book: SendingBook,
  limits: SendingLimits,
  { now, recipientsCount }: { readonly now: number; readonly recipientsCount: number },
): { readonly at: number; readonly book: SendingBook } {
  const recipients = Math.min(recipientsCount, limits.recipientsPerDay ?? recipientsCount);
  let at = Math.max(now, book.freeAt);
  const counting = book.hours.filter(({ hour }) => hour + hourMs + dayMs > at);
  while (counting.length > 0 && !fits(counting, limits, recipients)) {
    const oldest = counting.shift() as SentHour;
    at = Math.max(at, oldest.hour + hourMs + dayMs);
  }
  const freeAt = limits.perMinute === null ? at : at + 60_000 / limits.perMinute;
  return { at, book: { freeAt, hours: addTo(counting, { hour: at - (at % hourMs), messages: 1, recipients }) } };
}

function fits(hours: readonly SentHour[], { messagesPerDay, recipientsPerDay }: SendingLimits, recipients: number) {
  const sum = (of: (hour: SentHour) => number) => hours.reduce((total, hour) => total + of(hour), 0);
  return (
    (messagesPerDay === null || sum(({ messages }) => messages) + 1 <= messagesPerDay) &&
    (recipientsPerDay === null || sum((hour) => hour.recipients) + recipients <= recipientsPerDay)
  );
}

function addTo(hours: readonly SentHour[], added: SentHour): readonly SentHour[] {
  const same = hours.find(({ hour }) => hour === added.hour);
  if (same === undefined) return [...hours, added];
  const sum = { ...same, messages: same.messages + 1, recipients: same.recipients + added.recipients };
  return hours.map((hour) => (hour === same ? sum : hour));
}

/**
 * What the fleet should do next. Every operational error answers this question,
 * so no caller has to recognise a vendor's status code or message text.
 */
export type Remedy =
  | "retry" // transient: try again, with backoff
  | "wait" // the other side named a time or a limit: come back then
  | "reconnect" // the mailbox's owner must sign in again or change the password
  | "ask-admin" // the customer's administrator must change a setting
  | "page-operator" // our own fault; no customer's mailbox is to blame
  | "reconcile" // the outcome is unknown: look before acting again
  | "discard"; // this input will never succeed

/** The complete list. A new code does not compile until its remedy is chosen. */
export const remedyByCode = {
  "answer.refused": "discard",
  "binding.taken": "discard",
  "binding.unproven": "ask-admin",
  "blob.missing": "page-operator",
  "blob.unavailable": "retry",
  "budget.spent": "wait",
  "classifier.unavailable": "retry",
  "connection.insecure": "ask-admin",
  "consent.missing": "ask-admin",
  "content.held": "discard",
  "content.refused": "discard",
  "content.unreadable": "page-operator",
  "contract.violated": "discard",
  "credential.lost": "reconnect",
  "credential.missing": "reconnect",
  "credential.unreadable": "page-operator",
  "folder.missing": "ask-admin",
  "gate.denied": "discard",
  "gate.unavailable": "retry",
  "grant.expired": "retry",
  "host.refused": "discard",
  "idempotency.conflicting": "discard",
  "key.unavailable": "retry",
  "login.refused": "reconnect",
  "login.suspect": "retry",
  "mailbox.busy": "wait",
  "mailbox.limited": "wait",
  "provider-app.missing": "page-operator",
  "provider-app.refused": "page-operator",
  "provider.throttled": "wait",
  "provider.unavailable": "retry",
  "queue.unavailable": "retry",
  "recipient.suppressed": "discard",
  "resource.conflicting": "discard",
  "resource.missing": "discard",
  "run.expired": "retry",
  "run.fenced": "discard",
  "schema.outdated": "page-operator",
  "send.deferred": "retry",
  "send.outcome-unknown": "reconcile",
  "send.refused": "discard",
  "sender.refused": "discard",
  "sending.blocked": "ask-admin",
  "sending.limited": "wait",
  "session.ended": "retry",
  "sign-in.unfinished": "reconnect",
} as const satisfies Record<string, Remedy>;

export type ErrorCode = keyof typeof remedyByCode;

export type OperationalErrorOptions = {
  readonly cause?: unknown;
  /** Belongs to `wait`: when the other side said to come back. */
  readonly retryAt?: Date | undefined;
  /** The only text a tenant may see. Without it they see a generic sentence. */
  readonly publicMessage?: string;
};

/**
 * A failure we expect in production. Anything else that is thrown is a bug.
 * `message` is for operators; it never carries a token, an address, a subject or a body.
 */
export class OperationalError extends Error {
  override readonly name = "OperationalError";
  readonly code: ErrorCode;
  readonly retryAt: Date | undefined;
  readonly publicMessage: string;

  constructor(code: ErrorCode, message: string, options: OperationalErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAt = options.retryAt;
    this.publicMessage = options.publicMessage ?? "Something went wrong on our side.";
  }

  get remedy(): Remedy {
    return remedyByCode[this.code];
  }
}

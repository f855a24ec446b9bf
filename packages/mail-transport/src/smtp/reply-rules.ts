import type { ErrorCode, Login } from "@mailfleet/domain";

/** What one kind of reply means. `when` sees `code enhanced-code text` on one line. */
export type ReplyRule = {
  readonly when: RegExp;
  readonly code: ErrorCode;
  readonly waitMs?: number;
  readonly publicMessage?: string;
};

const minute = 60_000;
const hour = 60 * minute;

const adminMustAllow =
  "The mail server does not allow this mailbox to send over SMTP. An administrator has to turn on authenticated SMTP for it.";
const limitReached = "The mail provider's sending limit for this mailbox is reached. Sending goes on by itself later.";
const blockedForSpam =
  "The mail provider has blocked this mailbox or organisation from sending. An administrator has to lift it.";

/** Replies that speak of the session, at any step: 421 ends it, 432 4.3.2 is Exchange Online's limit of three a mailbox. */
export const sessionRules: readonly ReplyRule[] = [
  { when: /^(421|432)\b/, code: "provider.throttled", waitMs: minute },
];

/**
 * Replies that speak of the mailbox, whatever they answer: the next message would get the same one. Sending limits count
 * over a sliding day, so a few tries a day find the moment they end.
 */
export const mailboxRules: readonly ReplyRule[] = [
  ...sessionRules,
  // Gmail: daily sending limit. Exchange Online: recipient limits of the mailbox, the trial, the tenant, onmicrosoft.com.
  {
    when: /^550 5\.(4\.5|1\.90|7\.23[236])\b/,
    code: "sending.limited",
    waitMs: 6 * hour,
    publicMessage: limitReached,
  },
  // Exchange Online: the mailbox was blocked for spam, or its organisation sends too much, from where it may not, or as a
  // domain it has not registered.
  {
    when: /OutboundSpamException|^550 5\.1\.8 .*bad outbound sender|^550 5\.7\.(705|708|750)\b/i,
    code: "sending.blocked",
    waitMs: 6 * hour,
    publicMessage: blockedForSpam,
  },
  // The server took the login and now asks for one (RFC 4954 §6).
  { when: /^530\b/, code: "login.suspect" },
];

/** Replies to AUTH (RFC 4954 §6). The first that matches decides; without a reply that fits, a login is `login.suspect`. */
const loginRules: readonly ReplyRule[] = [
  ...sessionRules,
  { when: /^4\d\d .*too many/i, code: "sending.limited", waitMs: 15 * minute, publicMessage: limitReached },
  { when: /^4/, code: "provider.unavailable" },
  // Exchange Online: SMTP AUTH, or passwords for it, switched off for the mailbox or its tenant. Tokens are refused alike.
  { when: /^(535 5\.7\.139|550 5\.7\.30)\b/, code: "login.refused", publicMessage: adminMustAllow },
  {
    when: /^534\b/,
    code: "login.refused",
    publicMessage: "The mail provider asks for an app password, or for a sign-in with the browser.",
  },
];

/**
 * A refused password is tried no more: repeating it locks its owner out. A refused token may only be stale, or may wait for
 * a permission to spread; the token endpoint says for certain when access was withdrawn.
 */
export const loginRulesFor: Record<Login["kind"], readonly ReplyRule[]> = {
  password: [...loginRules, { when: /^535\b/, code: "login.refused" }],
  bearer: loginRules,
};

/** Replies that speak of the message: to MAIL FROM, DATA and the message itself. Mailbox rules come first. */
export const messageRules: readonly ReplyRule[] = [
  ...mailboxRules,
  // Bad sequence of commands: about the session, not about the message.
  { when: /^(4|503\b)/, code: "send.deferred" },
  {
    when: /^(554 5\.2\.252|550 5\.7\.60)\b|SendAsDenied/i,
    code: "send.refused",
    publicMessage: "The mail server does not let this mailbox send with this sender address.",
  },
  {
    when: /^552(?! 5\.7\.)\b|^5\d\d 5\.3\.4\b/,
    code: "send.refused",
    publicMessage: "The message is larger than the mail server takes.",
  },
  { when: /^5/, code: "send.refused", publicMessage: "The mail server refused the message." },
];

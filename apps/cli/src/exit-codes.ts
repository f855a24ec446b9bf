import type { ErrorCode } from "@mailfleet/domain";
import type { FaultKind } from "./faults.ts";

/** What a script can tell an ending by. 75 is EX_TEMPFAIL of sysexits.h: the same command may succeed later. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  notFound: 4,
  conflict: 5,
  tryLater: 75,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

type Ending = { readonly exitCode: ExitCode; readonly hint: string };

const { failed, usage, denied, notFound, conflict, tryLater } = exitCodes;
const again = "Nothing is lost; run the same command again in a moment.";

/** How each failure ends a command, and what the person who called it can do. The complete list: a new code does not compile without. */
export const endingByCode = {
  "answer.refused": { exitCode: failed, hint: "Leave it, or let a person answer: send without --automatic." },
  "binding.taken": {
    exitCode: conflict,
    hint: "Somebody has proven this mailbox already; whoever connected it must disconnect it first.",
  },
  "binding.unproven": {
    exitCode: denied,
    hint: "Begin again with `mailfleet mailbox prove NAME --by METHOD` (each proof answers a new nonce, once), or `mailbox connect` signed in as the mailbox's own user.",
  },
  "blob.missing": { exitCode: failed, hint: "Check that BLOB_ROOT names the folder that the workers write to." },
  "blob.unavailable": {
    exitCode: tryLater,
    hint: "Check that the folder BLOB_ROOT names is there and may be written to.",
  },
  "budget.spent": {
    exitCode: tryLater,
    hint: "The mailbox has been read enough for today; it is read on tomorrow (UTC).",
  },
  "classifier.unavailable": {
    exitCode: tryLater,
    hint: "Check that CLASSIFIER_URL answers, and run the command again.",
  },
  "content.held": {
    exitCode: denied,
    hint: "Look at the message; its tenant's policy holds what a classifier finds in it.",
  },
  "content.refused": {
    exitCode: denied,
    hint: "Take out what a classifier found; its tenant's policy refuses to send it.",
  },
  "connection.insecure": {
    exitCode: failed,
    hint: "Check port and security (tls or starttls); name an authority of your own in TLS_CA_FILE.",
  },
  "consent.missing": {
    exitCode: failed,
    hint: "Ask the customer's administrator to allow the app; docs/guides says where, for each provider.",
  },
  "content.unreadable": {
    exitCode: failed,
    hint: "Check that the key of this fleet is configured; after an offboarding with --purge-content nothing opens any more.",
  },
  "contract.violated": { exitCode: usage, hint: "Correct what is named above and run the command again." },
  "credential.lost": { exitCode: failed, hint: "Connect the mailbox again with a new refresh token." },
  "credential.missing": {
    exitCode: failed,
    hint: "Add the mailbox's credential to the tenants file and run `mailfleet provision`.",
  },
  "credential.unreadable": {
    exitCode: failed,
    hint: "Use the key this fleet was set up with: check KMS_LOCAL_KEY_FILE or KMS_KEY_ARN.",
  },
  "folder.missing": { exitCode: failed, hint: "Correct the mailbox's folder in the tenants file." },
  "gate.denied": {
    exitCode: denied,
    hint: "Use a token whose actor may do this, and check that tenant and mailbox are active; `mailfleet audit list --outcome denied` says why.",
  },
  "gate.unavailable": { exitCode: tryLater, hint: again },
  "grant.expired": { exitCode: tryLater, hint: again },
  "host.refused": {
    exitCode: failed,
    hint: "Use a public mail server, or allow its network in NETWORK_ALLOW_PRIVATE.",
  },
  "idempotency.conflicting": {
    exitCode: conflict,
    hint: "Use a new --idempotency-key for a new message, or repeat the first one unchanged.",
  },
  "key.unavailable": {
    exitCode: tryLater,
    hint: "Check that the key service answers, and run the same command again.",
  },
  "login.refused": { exitCode: failed, hint: "Correct the user or the password of this mailbox." },
  "login.suspect": { exitCode: tryLater, hint: again },
  "mailbox.busy": { exitCode: tryLater, hint: again },
  "mailbox.limited": { exitCode: tryLater, hint: again },
  "provider-app.missing": {
    exitCode: failed,
    hint: "Add the provider app with `mailfleet provider-app add`; `mailfleet provider-app list` shows what there is.",
  },
  "provider-app.refused": {
    exitCode: failed,
    hint: "Give the provider app new secrets with `mailfleet provider-app rotate`; no mailbox is to blame.",
  },
  "provider.throttled": {
    exitCode: tryLater,
    hint: "The mail server asks for a pause; run the same command again later.",
  },
  "provider.unavailable": {
    exitCode: tryLater,
    hint: "Check the mail server's host and port, and run the same command again.",
  },
  "queue.unavailable": { exitCode: tryLater, hint: again },
  "recipient.suppressed": {
    exitCode: conflict,
    hint: "Leave the suppressed recipients out; `mailfleet suppression list` says why they are, `suppression remove` takes one off.",
  },
  "resource.conflicting": {
    exitCode: conflict,
    hint: "Look at what is there already, then choose another name or leave it.",
  },
  "resource.missing": {
    exitCode: notFound,
    hint: "Check the name; the `list` command beside this one shows what there is.",
  },
  "run.expired": { exitCode: tryLater, hint: again },
  "run.fenced": {
    exitCode: conflict,
    hint: "Someone else did this at the same time; look at the result and run it again if needed.",
  },
  "schema.outdated": { exitCode: usage, hint: "Run `mailfleet db migrate` against PostgreSQL 15 or newer." },
  "send.deferred": { exitCode: tryLater, hint: again },
  "send.outcome-unknown": {
    exitCode: failed,
    hint: "Look at the submission with `mailfleet submission show` before sending again.",
  },
  "send.refused": {
    exitCode: failed,
    hint: "Correct the message or its recipients; the same message is refused again.",
  },
  "sender.refused": {
    exitCode: failed,
    hint: "Send from the mailbox's own address, or list the alias under `aliases` in the tenants file and provision again.",
  },
  "sending.blocked": {
    exitCode: failed,
    hint: "An administrator at the mail provider has to lift the block; then `mailfleet mailbox resume`.",
  },
  "sending.limited": {
    exitCode: tryLater,
    hint: "The mail provider's sending limit is reached; what waits goes on by itself.",
  },
  "session.ended": { exitCode: tryLater, hint: again },
  "sign-in.unfinished": {
    exitCode: failed,
    hint: "Nothing was stored; run the same command again and finish the sign-in in the browser.",
  },
} as const satisfies Record<ErrorCode, Ending>;

export const endingByFaultKind = {
  "file.faulty": {
    exitCode: usage,
    hint: "Correct the lines above; `mailfleet provision schema` prints the file's JSON Schema.",
  },
  "host.refused": endingByCode["host.refused"],
  "resource.conflicting": { exitCode: conflict, hint: "Correct the lines above; keys and namespaces never change." },
} as const satisfies Record<FaultKind, Ending>;

import { describe, expect, it } from "vitest";
import { inspectMessage } from "../inspect-message.ts";
import { asReport, originalId, told } from "./bounce-at-hand.ts";

const exchange = `From: Microsoft Outlook <postmaster@corp.example>
Subject: Undeliverable: Your order
Auto-Submitted: auto-replied
X-MS-Exchange-Message-Is-Ndr:`;
const postfix = `Return-Path: <>
From: MAILER-DAEMON@mx.relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied`;
const gmail = `Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@webmail.example>
Subject: Delivery Status Notification (Failure)
Auto-Submitted: auto-replied`;
const sendmail = `Return-Path: <MAILER-DAEMON>
From: Mail Delivery Subsystem <MAILER-DAEMON@uni.example>
Subject: Returned mail: see transcript for details
Auto-Submitted: auto-generated (failure)`;
const exim = `Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@host.example>
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied`;

const samples: readonly (readonly [name: string, headers: string, words: string, fields: string, told: string])[] = [
  [
    "Exchange, no such recipient",
    exchange,
    "Delivery has failed to these recipients or groups:\n\nKim Park (kim@corp.example)\nNobody of that name was found here.",
    "Reporting-MTA: dns;mail.corp.example\n\nFinal-Recipient: rfc822;kim@corp.example\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "kim@corp.example failed 5.1.10 550 permanent recipient-unknown",
  ],
  [
    "Exchange, a full mailbox, which 5.2.2 calls final",
    exchange,
    "Delivery has failed to these recipients or groups:\n\nkim@corp.example",
    "Reporting-MTA: dns;mail.corp.example\n\nFinal-Recipient: rfc822;kim@corp.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp;554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
    "kim@corp.example failed 5.2.2 554 not permanent mailbox-full",
  ],
  [
    "Exchange, an address the edge does not know, which 5.4.1 calls a network matter",
    exchange,
    "Your message to lee@corp.example couldn't be delivered.",
    "Reporting-MTA: dns;edge.example\n\nFinal-Recipient: rfc822;lee@corp.example\nAction: failed\nStatus: 5.4.1\nDiagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied.",
    "lee@corp.example failed 5.4.1 550 permanent recipient-unknown",
  ],
  [
    "Exchange, a group that takes no mail from outside",
    exchange,
    "The group only takes messages from people in its organization.",
    "Reporting-MTA: dns;mail.corp.example\n\nFinal-Recipient: rfc822;all@corp.example\nAction: failed\nStatus: 5.7.133\nDiagnostic-Code: smtp;550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
    "all@corp.example failed 5.7.133 550 not permanent misconfigured",
  ],
  [
    "Exchange, a message too large",
    exchange,
    "The message is larger than this mailbox takes.",
    "Reporting-MTA: dns;mail.corp.example\n\nFinal-Recipient: rfc822;kim@corp.example\nAction: failed\nStatus: 5.2.3\nDiagnostic-Code: smtp;550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
    "kim@corp.example failed 5.2.3 550 not permanent message-too-large",
  ],
  [
    "Postfix, user unknown",
    postfix,
    "<ann@far.example>: host mx.far.example[192.0.2.7] said: 550 5.1.1 <ann@far.example>:\n    Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command)",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; ann@far.example\nOriginal-Recipient: rfc822;ann@far.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <ann@far.example>: Recipient address rejected:\n    User unknown in virtual mailbox table",
    "ann@far.example failed 5.1.1 550 permanent recipient-unknown",
  ],
  [
    "Postfix, no such domain",
    postfix,
    "<ann@nowhere.example>: Host or domain name not found.",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; ann@nowhere.example\nAction: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host or domain name not found. Name service error for\n    name=nowhere.example type=AAAA: Host not found",
    "ann@nowhere.example failed 5.4.4  permanent domain-unknown",
  ],
  [
    "Postfix, a name server that did not answer, which is no missing domain",
    postfix,
    "<ann@slow.example>: Host or domain name not found.",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; ann@slow.example\nAction: delayed\nStatus: 4.4.3\nDiagnostic-Code: X-Postfix; Host or domain name not found. Name service error for\n    name=slow.example type=MX: Host not found, try again\nWill-Retry-Until: Sat, 8 Mar 2025 10:00:00 +0000",
    "ann@slow.example delayed 4.4.3  not permanent unreachable",
  ],
  [
    "Postfix, an alias: the address that was written to is named, not where it led",
    postfix,
    "<bob@inner.example> (expanded from <team@far.example>): mail quota exceeded",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; bob@inner.example\nOriginal-Recipient: rfc822;team@far.example\nAction: failed\nStatus: 5.7.0\nDiagnostic-Code: x-unix; maildir: mail quota exceeded",
    "team@far.example failed 5.7.0  not permanent mailbox-full",
  ],
  [
    "Postfix, a block list: 5.7.1 speaks of us, not of the address",
    postfix,
    "<ann@far.example>: blocked",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; ann@far.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using list.example",
    "ann@far.example failed 5.7.1 554 not permanent message-refused",
  ],
  [
    "Postfix, 5.7.1 of a server that means an unknown user with it",
    postfix,
    "<ann@far.example>: refused",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; ann@far.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 <ann@far.example>: Recipient address rejected: Nonexistent user",
    "ann@far.example failed 5.7.1 554 permanent recipient-unknown",
  ],
  [
    "Postfix, 5.0.0, where only the words tell",
    postfix,
    "<ann@far.example>: refused",
    "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; ann@far.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 Account(s) <ann@far.example> does not have enough\n    space",
    "ann@far.example failed 5.2.2 552 not permanent mailbox-full",
  ],
  [
    "Gmail, no such account",
    gmail,
    "** Address not found **\n\nYour message wasn't delivered to pat@webmail.example because the address couldn't be found.",
    "Reporting-MTA: dns; webmail.example\n\nFinal-Recipient: rfc822; pat@webmail.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try\n 550 5.1.1 double-checking the address - gsmtp",
    "pat@webmail.example failed 5.1.1 550 permanent recipient-unknown",
  ],
  [
    "Gmail, a message refused for where it came from",
    gmail,
    "Your message to pat@webmail.example has been blocked.",
    "Reporting-MTA: dns; webmail.example\n\nFinal-Recipient: rfc822; pat@webmail.example\nAction: failed\nStatus: 5.7.26\nDiagnostic-Code: smtp; 550-5.7.26 Unauthenticated email from shop.example is not accepted due to\n 550 5.7.26 domain's DMARC policy. - gsmtp",
    "pat@webmail.example failed 5.7.26 550 not permanent message-refused",
  ],
  [
    "Gmail, an inbox out of storage",
    gmail,
    "The recipient's inbox is full.",
    "Reporting-MTA: dns; webmail.example\n\nFinal-Recipient: rfc822; pat@webmail.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552-5.2.2 The recipient's inbox is out of storage space and inactive. Please\n 552 5.2.2 direct the recipient to clear it - gsmtp",
    "pat@webmail.example failed 5.2.2 552 not permanent mailbox-full",
  ],
  [
    "Sendmail, user unknown",
    sendmail,
    "   ----- The following addresses had permanent fatal errors -----\n<prof@uni.example>\n    (reason: 550 5.1.1 <prof@uni.example>... User unknown)",
    "Reporting-MTA: dns; uni.example\n\nFinal-Recipient: RFC822; prof@uni.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: SMTP; 550 5.1.1 <prof@uni.example>... User unknown",
    "prof@uni.example failed 5.1.1 550 permanent recipient-unknown",
  ],
  [
    "Sendmail, given up after days of temporary answers",
    sendmail,
    "   ----- The following addresses had permanent fatal errors -----\n<prof@uni.example>",
    "Reporting-MTA: dns; uni.example\n\nFinal-Recipient: RFC822; prof@uni.example\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: SMTP; 421 mail.uni.example: user lookup connection timed out",
    "prof@uni.example failed 4.4.7 421 not permanent unreachable",
  ],
  [
    "Exim, a disabled account",
    exim,
    "The following address(es) failed:\n\n  max@host.example",
    "Reporting-MTA: dns; host.example\n\nAction: failed\nFinal-Recipient: rfc822;max@host.example\nStatus: 5.0.0\nRemote-MTA: dns; mx.host.example\nDiagnostic-Code: smtp; 550 This account has been suspended",
    "max@host.example failed 5.2.1 550 permanent recipient-disabled",
  ],
];

describe("a report of RFC 3464 is a bounce and tells its recipient", () => {
  it.each(samples)("%s", (_, headers, words, fields, expected) => {
    const raw = asReport({ headers, words, fields });
    expect(told(raw)).toEqual(["bounce", expected]);
    expect(inspectMessage(raw).bounce?.originalMessageId).toBe(originalId);
  });

  it("each recipient has an answer of its own", () => {
    const fields =
      "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; a@far.example\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; b@far.example\nAction: delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; c@far.example\nAction: delayed\nStatus: 4.2.2";
    expect(told(asReport({ headers: postfix, words: "Some got it.", fields }))).toEqual([
      "bounce",
      "a@far.example failed 5.1.1  permanent recipient-unknown",
      "b@far.example delivered 2.0.0  not permanent unknown",
      "c@far.example delayed 4.2.2  not permanent mailbox-full",
    ]);
  });
});

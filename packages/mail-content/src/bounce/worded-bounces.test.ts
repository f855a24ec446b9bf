import { describe, expect, it } from "vitest";
import { inspectMessage } from "../inspect-message.ts";
import { inWords, originalId, told } from "./bounce-at-hand.ts";

const qmail = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.list.example\nSubject: failure notice";
const exim =
  "From: Mail Delivery System <Mailer-Daemon@host.example>\nSubject: Mail delivery failed: returning message to sender";
const oldGmail =
  "Return-Path: <>\nFrom: Mail Delivery Subsystem <mailer-daemon@webmail.example>\nSubject: Delivery Status Notification (Failure)";
const sendmail =
  "From: Mail Delivery Subsystem <MAILER-DAEMON@uni.example>\nSubject: Returned mail: see transcript for details";
const exchange = "From: System Administrator <postmaster@corp.example>\nSubject: Undeliverable: Your order";
const postfix =
  "From: MAILER-DAEMON@mx.relay.example (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender";

const hi =
  "Hi. This is the qmail-send program at mx.list.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.";
const copy = `--- Below this line is a copy of the message.\n\nReturn-Path: <orders@shop.example>\nMessage-ID: ${originalId}\nFrom: Shop <orders@shop.example>\nTo: not-this@one.example\n\nhelp@shop.example`;
const eximWords =
  "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. The following address(es) failed:";

const samples: readonly (readonly [name: string, headers: string, words: string, told: readonly string[]])[] = [
  [
    "qmail, no such mailbox",
    qmail,
    `${hi}\n\n<eva@list.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n${copy}`,
    ["eva@list.example failed 5.1.1  permanent recipient-unknown"],
  ],
  [
    "qmail, two recipients and a host that answered for one",
    qmail,
    `${hi}\n\n<eva@list.example>:\n192.0.2.4 does not like recipient.\nRemote host said: 550 5.2.1 The account is disabled\nGiving up on 192.0.2.4.\n\n<ola@list.example>:\nUser is over the quota. You can try again later.\n\n${copy}`,
    [
      "eva@list.example failed 5.2.1 550 permanent recipient-disabled",
      "ola@list.example failed 5.2.2  not permanent mailbox-full",
    ],
  ],
  [
    "qmail, a domain without a host",
    qmail,
    `${hi}\n\n<eva@gone.example>:\nSorry, I couldn't find any host named gone.example. (#5.1.2)\n\n${copy}`,
    ["eva@gone.example failed 5.1.2  permanent domain-unknown"],
  ],
  [
    "Exim, an address without a route",
    `X-Failed-Recipients: max@host.example\n${exim}`,
    `${eximWords}\n\n  max@host.example\n    Unrouteable address\n\n------ This is a copy of the message, including all the headers. ------\n\nMessage-ID: ${originalId}`,
    ["max@host.example failed 5.1.1  permanent recipient-unknown"],
  ],
  [
    "Exim, a refusal after the data, which is no fault of the address",
    `X-Failed-Recipients: max@host.example\n${exim}`,
    `${eximWords}\n\n  max@host.example\n    SMTP error from remote mail server after end of data:\n    host mx.host.example [192.0.2.5]: 550 This message scored 9.1 spam points\n\n------ This is a copy of the message, including all the headers. ------\n\nMessage-ID: ${originalId}`,
    ["max@host.example failed 5.7.1 550 not permanent message-refused"],
  ],
  [
    "Exim, still trying",
    "From: Mail Delivery System <Mailer-Daemon@host.example>\nSubject: Warning: message 1abc-0002-Xy delayed 24 hours\nAuto-Submitted: auto-replied",
    `This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on host.example.\n\nThe address to which the message has not yet been delivered is:\n\n  max@host.example\n    host mx.host.example [192.0.2.5]: Connection timed out\n\nMessage-ID: ${originalId}`,
    ["max@host.example delayed 4.4.1  not permanent unreachable"],
  ],
  [
    "Gmail of old, given up on a host that did not answer",
    oldGmail,
    `This is an automatically generated Delivery Status Notification\n\nDelivery to the following recipient failed permanently:\n\n     pat@webmail.example\n\nTechnical details of permanent failure:\nTEMP_FAILURE: Could not initiate SMTP conversation with any hosts:\n[webmail.example (1): Connection timed out]\n\n   ----- Original message -----\n\nMessage-ID: ${originalId}`,
    ["pat@webmail.example failed 4.4.1  not permanent unreachable"],
  ],
  [
    "Gmail of old, no such account",
    oldGmail,
    `Delivery to the following recipient failed permanently:\n\n     pat@webmail.example\n\nTechnical details of permanent failure:\nThe server returned: 550 5.1.1 No such user here\n\n----- Original message -----\n\nMessage-ID: ${originalId}`,
    ["pat@webmail.example failed 5.1.1 550 permanent recipient-unknown"],
  ],
  [
    "Gmail, which names the address in a sentence",
    "From: Mail Delivery Subsystem <mailer-daemon@webmail.example>\nSubject: Delivery Status Notification (Delay)",
    `Delivery incomplete\n\nThere was a temporary problem delivering your message to pat@webmail.example. It will be retried for 46 more hours.\n\n----- Original message -----\n\nMessage-ID: ${originalId}`,
    ["pat@webmail.example delayed 4.4.1  not permanent unreachable"],
  ],
  [
    "Sendmail, with its transcript",
    sendmail,
    `The original message was received at Tue, 4 Mar 2025 10:00:00 GMT\n\n   ----- The following addresses had permanent fatal errors -----\n<prof@uni.example>\n    (reason: 550 5.1.1 <prof@uni.example>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.uni.example.:\n>>> DATA\n<<< 550 5.1.1 <prof@uni.example>... User unknown\n550 5.1.1 <prof@uni.example>... User unknown\n\n   ----- Original message follows -----\n\nMessage-ID: ${originalId}`,
    ["prof@uni.example failed 5.1.1 550 permanent recipient-unknown"],
  ],
  [
    "Sendmail, a warning",
    "From: Mail Delivery Subsystem <MAILER-DAEMON@uni.example>\nSubject: Warning: could not send message for past 4 hours",
    `    **      THIS IS A WARNING MESSAGE ONLY      **\n\n   ----- The following addresses had transient non-fatal errors -----\n<prof@uni.example>\n\n   ----- Transcript of session follows -----\n<prof@uni.example>... Deferred: Connection refused by mx.uni.example.\nWarning: message still undelivered after 4 hours\n\nMessage-ID: ${originalId}`,
    ["prof@uni.example delayed 4.4.1  not permanent unreachable"],
  ],
  [
    "Exchange of old, with a status behind a number sign",
    exchange,
    `Your message\n\n  To:      kim@corp.example\n  Subject: Your order\n\ndid not reach the following recipient(s):\n\nkim@corp.example on Tue, 4 Mar 2025 10:00:00 +0000\n    The e-mail account does not exist at the organization this message was sent to.\n    <mail.corp.example #5.1.1 smtp;550 5.1.1 User unknown>\n\nMessage-ID: ${originalId}`,
    ["kim@corp.example failed 5.1.1 550 permanent recipient-unknown"],
  ],
  [
    "Exchange, with diagnostics for administrators",
    "From: Microsoft Outlook <postmaster@corp.example>\nSubject: Undeliverable: Your order",
    `Delivery has failed to these recipients or groups:\n\nKim Park (kim@corp.example)<mailto:kim@corp.example>\nThe mailbox is full and cannot take messages now.\n\nDiagnostic information for administrators:\n\nGenerating server: mail.corp.example\n\nkim@corp.example\n#554 5.2.2 mailbox full ##\n\nOriginal message headers:\n\nMessage-ID: ${originalId}`,
    ["kim@corp.example failed 5.2.2 554 not permanent mailbox-full"],
  ],
  [
    "Postfix, where a gateway dropped the report's parts",
    postfix,
    `This is the mail system at host mx.relay.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n<ann@far.example>: host mx.far.example[192.0.2.7] said: 554 5.7.1\n    <ann@far.example>: Relay access denied (in reply to RCPT TO command)\n\nMessage-ID: ${originalId}`,
    ["ann@far.example failed 5.7.1 554 not permanent misconfigured"],
  ],
];

describe("a report in words is a bounce and tells its recipients", () => {
  it.each(samples)("%s", (_, headers, words, expected) => {
    const raw = inWords({ headers, words });
    expect(told(raw)).toEqual(["bounce", ...expected]);
    expect(inspectMessage(raw).bounce?.originalMessageId).toBe(originalId);
  });
});

describe("what only looks like a bounce is none", () => {
  it.each([
    [
      "a person who asks about one",
      "From: ada@a.example\nSubject: Re: failure notice",
      "What does this mean? <eva@list.example>",
    ],
    [
      "an absence told by the server",
      "Return-Path: <>\nFrom: kim@corp.example\nSubject: Automatic reply: Your order\nAuto-Submitted: auto-replied",
      "I am away. Ask lee@corp.example.",
    ],
    [
      "a postmaster who writes",
      "From: postmaster@corp.example\nSubject: Lunch",
      "At noon? kim@corp.example comes too.",
    ],
  ])("%s", (_, headers, words) => {
    expect(inspectMessage(inWords({ headers, words }))).toMatchObject({ bounce: null });
  });
});

import { Buffer } from "node:buffer";
import { expect, it } from "vitest";
import { inspectMessage } from "../inspect-message.ts";

const feedback = `From: <feedback@isp.example>
Subject: FW: Your order
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

This is an abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Isp/1
Version: 1

--b
Content-Type: message/rfc822

Message-ID: <1@shop.example>
Subject: Your order

hello
--b--`;
const receipt = `From: bob@b.example
Subject: Read: Hello
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b

Your message was displayed.
--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822;bob@b.example
Disposition: manual-action/MDN-sent-manually; displayed
--b--`;
const invitation = `From: ada@a.example
Subject: Lunch
Content-Type: multipart/alternative; boundary=b

--b

Lunch?
--b
Content-Type: text/calendar; method=REQUEST; charset=utf-8

BEGIN:VCALENDAR
METHOD:REQUEST
END:VCALENDAR
--b--`;
const forwardedBounce = `From: ada@a.example
Subject: What is this?
Content-Type: multipart/mixed; boundary=b

--b

Do you know?
--b
Content-Type: message/rfc822

From: MAILER-DAEMON@mx.example
Content-Type: multipart/report; report-type=delivery-status; boundary=c

--c
Content-Type: message/delivery-status

Final-Recipient: rfc822;x@x.example
Action: failed
Status: 5.1.1
--c--
--b--`;
const plain = (...headers: string[]) => `From: ada@a.example\n${headers.join("\n")}\n\nhello`;

it.each([
  ["a letter", "message", plain("Subject: Hello", "Auto-Submitted: no")],
  ["a complaint (RFC 5965)", "complaint", feedback],
  ["a receipt (RFC 8098)", "auto-reply", receipt],
  ["an invitation (RFC 6047)", "calendar", invitation],
  ["a letter with a bounce attached", "message", forwardedBounce],
  ["an answer of a machine (RFC 3834)", "auto-reply", plain("Auto-Submitted: auto-replied (vacation)")],
  ["a machine's own mail", "auto-reply", plain("Auto-Submitted: auto-generated")],
  ["an absence that calls itself bulk", "auto-reply", plain("Precedence: bulk", "X-Autoreply: yes")],
  ["an absence known by its subject", "auto-reply", plain("Subject: Out of Office: Hello")],
  ["a list (RFC 2919)", "list", plain("List-Id: <l.a.example>", "Auto-Submitted: auto-generated")],
  ["a newsletter (RFC 2369)", "list", plain("List-Unsubscribe: <https://a.example/u>")],
  ["bulk mail", "list", plain("Precedence: bulk")],
])("%s is of kind %s", (_, kind, raw) => {
  expect(inspectMessage(Buffer.from(raw.replaceAll("\n", "\r\n"))).kind).toBe(kind);
});

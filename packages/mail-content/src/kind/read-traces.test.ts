import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { asReport, inWords, originalId } from "../bounce/bounce-at-hand.ts";
import { parseMessage } from "../parse-message.ts";
import { readTraces } from "./read-traces.ts";

const submission = "01980000-0000-7000-8000-000000000001";
const traces = (raw: Buffer) => readTraces(raw, parseMessage(raw));
const mail = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"));

describe("the traces of a message", () => {
  it("name every id it may have left under, and the submission its own header names", () => {
    const raw = mail(`Message-ID: <new@outlook.example>
X-Microsoft-Original-Message-ID: <ours@a.example>
X-Mailfleet-Submission: ${submission}

hello`);
    expect(traces(raw)).toEqual({
      kind: "message",
      sentAs: { messageIds: ["<new@outlook.example>", "<ours@a.example>"], submissionIds: [submission] },
      report: null,
    });
  });

  it("tell of each recipient of a bounce whether it will ever be reached, and leave out a mere delay", () => {
    const raw = asReport({
      headers: "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender",
      words: "I could not deliver it.",
      fields: `Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; gone@elsewhere.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

Final-Recipient: rfc822; full@elsewhere.example
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 mailbox full

Final-Recipient: rfc822; slow@elsewhere.example
Action: delayed
Status: 4.4.1`,
    });
    const { kind, report } = traces(raw);
    expect(kind).toBe("bounce");
    expect(report).toEqual({
      messageIds: [originalId],
      submissionIds: [],
      recipients: [
        { address: "gone@elsewhere.example", outcome: "hard" },
        { address: "full@elsewhere.example", outcome: "soft" },
      ],
    });
  });

  it("of a bounce in words name what it quotes", () => {
    const raw = inWords({
      headers: "From: Mail Delivery Subsystem <mailer-daemon@mx.example>\nSubject: Undeliverable: Your order",
      words: `Delivery to the following recipient failed permanently:\n\n     gone@elsewhere.example\n\n550 5.1.1 user unknown\n\nMessage-ID: ${originalId}`,
    });
    expect(traces(raw).report?.messageIds).toEqual([originalId]);
  });

  it("of a complaint name who complained, where the provider tells", () => {
    const raw = mail(`From: <feedback@isp.example>
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
Original-Rcpt-To: <ann@isp.example>

--b
Content-Type: message/rfc822

Message-ID: ${originalId}
X-Mailfleet-Submission: ${submission}

hello
--b--`);
    expect(traces(raw)).toMatchObject({
      kind: "complaint",
      report: {
        messageIds: [originalId],
        submissionIds: [submission],
        recipients: [{ address: "ann@isp.example", outcome: "complaint" }],
      },
    });
  });
});

import { describe, expect, it } from "vitest";
import { judgeAutomatic } from "./judge-automatic.ts";

function letter(...headers: string[]): Buffer {
  const from = headers.some((header) => /^from:/i.test(header)) ? [] : ["From: Ada <ada@customer.example>"];
  return Buffer.from([...from, "To: support@acme.example", "Subject: Hm", ...headers, "", "Well?", ""].join("\r\n"));
}

describe("an automatic answer", () => {
  it.each([
    ["a letter", letter()],
    ["a letter that says that a person wrote it", letter("Auto-Submitted: no")],
    ["a letter that only wants no delivery reports", letter("X-Auto-Response-Suppress: DR, NDR, RN")],
    ["a letter that is important", letter("Precedence: first-class")],
    ["a person whose name looks like a machine's", letter("From: norep.lyne@customer.example")],
  ])("may be given to %s", (_, raw) => {
    expect(judgeAutomatic(raw)).toEqual({ refusal: null, loopCount: 0 });
  });

  it.each([
    ["auto-reply", letter("Auto-Submitted: auto-replied")],
    ["auto-reply", letter("Auto-Submitted: auto-generated (rule 7)")],
    ["auto-reply", letter("Auto-Submitted: auto-notified; owner-email=ada@customer.example")],
    ["auto-reply", letter("X-Autoreply: yes")],
    ["auto-reply", letter("Precedence: auto_reply")],
    ["list", letter("List-Id: <dev.lists.example>")],
    ["list", letter("List-Unsubscribe: <mailto:x@lists.example>")],
    ["list", letter("Precedence: bulk")],
    ["asks-for-none", letter("X-Auto-Response-Suppress: All")],
    ["asks-for-none", letter("X-Auto-Response-Suppress: DR, OOF, AutoReply")],
    ["from-a-machine", letter("Return-Path: <>")],
    ["from-a-machine", letter("From: no-reply@customer.example")],
    ["from-a-machine", letter("From: MAILER-DAEMON@customer.example")],
    ["from-a-machine", letter("From: bounces+123=a@customer.example")],
    ["from-a-machine", letter("From: dev-request@lists.example")],
    ["of-a-fleet", letter("X-Mailfleet-Submission: 01980000-0000-7000-8000-000000000001")],
    ["calendar", letter("MIME-Version: 1.0", 'Content-Type: text/calendar; method="REQUEST"')],
    ["loop", letter("X-Mailfleet-Loop: 3")],
    ["loop", letter("X-Mailfleet-Loop: forged")],
    ["unreadable", Buffer.alloc(0)],
  ])("is refused to what is %s", (refusal, raw) => {
    expect(judgeAutomatic(raw)).toMatchObject({ refusal });
  });

  it("is refused to a bounce", () => {
    const report = [
      "From: MAILER-DAEMON@mx.example",
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    ];
    const parts =
      "--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n";
    const raw = Buffer.from(`${report.join("\r\n")}\r\nMIME-Version: 1.0\r\n\r\n${parts}`);
    expect(judgeAutomatic(raw)).toMatchObject({ refusal: "bounce" });
  });

  it("counts on where others of ours lie behind it", () => {
    expect(judgeAutomatic(letter("X-Mailfleet-Loop: 2"))).toEqual({ refusal: null, loopCount: 2 });
  });
});

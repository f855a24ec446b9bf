import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { sampleMail, sampleMailKinds, sampleMails } from "./sample-mail.ts";

describe("sample mail", () => {
  it("is the same for the same seed, and another for another", () => {
    for (const kind of sampleMailKinds) {
      expect(sampleMail(kind, { seed: 5 })).toEqual(sampleMail(kind, { seed: 5 }));
      expect(sampleMail(kind, { seed: 5 }).raw).not.toEqual(sampleMail(kind, { seed: 6 }).raw);
    }
  });

  it("has CRLF only, no line beyond 998 bytes, and 8-bit bytes only where it says so", () => {
    for (const { kind, raw } of sampleMails({ count: 16 })) {
      const text = Buffer.from(raw).toString("latin1");
      expect(/[\r\n]/.test(text.replaceAll("\r\n", ""))).toBe(false);
      expect(Math.max(...text.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
      expect(/[\x80-\xff]/.test(text)).toBe(kind === "utf8");
    }
  });

  it("comes in any number, about 20 KB each, every Message-ID once", () => {
    const mails = sampleMails({ count: 400 });
    expect(new Set(mails.map(({ messageIdHeader }) => messageIdHeader)).size).toBe(400);
    const average = mails.reduce((sum, { raw }) => sum + raw.length, 0) / mails.length;
    expect(average).toBeGreaterThan(17_000);
    expect(average).toBeLessThan(23_000);
  });

  it("holds its attachment in base64 and its thread in the headers", () => {
    const { raw, attachments } = sampleMail("attachment", { seed: 1 });
    const encoded = Buffer.from(attachments[0]?.bytes ?? []).toString("base64");
    expect(Buffer.from(raw).toString("latin1").replaceAll("\r\n", "")).toContain(encoded);
    const reply = Buffer.from(sampleMail("reply", { seed: 1, thread: ["<a@b>", "<c@d>"] }).raw).toString();
    expect(reply).toContain("In-Reply-To: <c@d>\r\nReferences: <a@b>\r\n <c@d>\r\n");
  });
});

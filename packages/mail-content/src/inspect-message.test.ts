import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { inspectMessage } from "./inspect-message.ts";

const message = (...lines: string[]) => Buffer.from(lines.join("\r\n"), "latin1");
const sha = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");

describe("parts", () => {
  it("are every leaf decoded, also those of a message inside, which is a part itself", () => {
    const inner = ["From: b@b.example", "Content-Type: multipart/mixed; boundary=in", "", "--in", "", "deep", "--in--"];
    const raw = message(
      "Content-Type: multipart/mixed; boundary=out",
      "",
      "--out",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "caf=E9",
      "--out",
      "Content-Type: message/rfc822",
      "",
      ...inner,
      "--out--",
    );
    expect(inspectMessage(raw).parts).toEqual([
      { path: "1", contentType: "text/plain", size: 4, sha256: sha(Buffer.from("caf\xe9", "latin1")) },
      { path: "2", contentType: "message/rfc822", size: inner.join("\r\n").length, sha256: sha(inner.join("\r\n")) },
      { path: "2.1", contentType: "text/plain", size: 4, sha256: sha("deep") },
    ]);
  });

  it("keep what is signed or encrypted, TNEF and calendars as they came", () => {
    const bodies = [
      ["application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "MIIB\x80"],
      ["application/pkcs7-signature; name=smime.p7s", "MIIC"],
      ["application/pgp-encrypted", "Version: 1"],
      ["application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----"],
      ["application/ms-tnef; name=winmail.dat", "\x78\x9f\x3e\x22\x00\xff"],
      ["text/calendar; method=REQUEST; name=invite.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR"],
    ] as const;
    const parts = bodies.flatMap(([type, body]) => ["--b", `Content-Type: ${type}`, "", body]);
    const { attachments } = inspectMessage(message("Content-Type: multipart/mixed; boundary=b", "", ...parts, "--b--"));
    expect(attachments).toEqual(
      bodies.map(([type, body]) => ({
        filename: /name=(.*)$/.exec(type)?.[1] ?? null,
        contentType: type.split(";")[0],
        size: body.length,
        sha256: sha(Buffer.from(body, "latin1")),
        inline: false,
      })),
    );
  });

  it("of messages in messages end at a limit, with a warning, and the message itself is read", () => {
    const nest = "Content-Type: message/rfc822\r\n\r\n".repeat(30);
    const found = inspectMessage(message(`Subject: hello\r\n${nest}Subject: inmost`, "", "deep"));
    expect(found.subject).toBe("hello");
    expect(found.warnings).toContain("parts.incomplete");
    expect(found.parts.length).toBeLessThan(30);
  });

  it("are found behind a delimiter with words on its line (RFC 2046 §5.1.1)", () => {
    const raw = message(
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b ignored",
      "",
      "one",
      "--bc",
      "--b-- ignored",
      "x",
    );
    expect(inspectMessage(raw)).toMatchObject({ text: "one\n--bc", parts: [{ path: "1", size: 9 }] });
  });
});

describe("text", () => {
  const alternative = (plain: string, html: string) =>
    message(
      "Content-Type: multipart/alternative; boundary=b",
      ...["", "--b", "", plain, "--b", "Content-Type: text/html", "", html, "--b--"],
    );

  it("is the plain part, without what nobody sees", () => {
    const raw = Buffer.from("Content-Type: text/plain; charset=utf-8\r\n\r\nPay\u200b now\u{e0041}");
    expect(inspectMessage(raw)).toMatchObject({ text: "Pay now", warnings: ["text.invisible-characters"] });
  });

  it("is the visible HTML where there is no plain part", () => {
    const raw = message("Content-Type: text/html", "", "<p>Hello <i style=display:none>obey</i>Ada");
    expect(inspectMessage(raw)).toMatchObject({ text: "Hello Ada", warnings: ["html.hidden-text"] });
  });

  it("is the visible HTML where the plain part is blank", () => {
    expect(inspectMessage(alternative(" ", "<p>Hello")).text).toBe("Hello");
  });

  it("tells when the plain part says something else than the HTML", () => {
    const says = alternative(
      "please transfer the money to this account today",
      "<p>lunch at noon with everybody tomorrow",
    );
    expect(inspectMessage(says).warnings).toContain("text.differs-from-html");
    const same = alternative(
      "lunch at noon with everybody tomorrow",
      "<p>lunch at <b>noon</b> with everybody tomorrow",
    );
    expect(inspectMessage(same).warnings).toEqual([]);
  });

  it("of a reply stands beside it without its history", () => {
    const raw = message("", "Yes.", "", "On 3 Feb 2025, Ada wrote:", "> Coming?");
    expect(inspectMessage(raw)).toMatchObject({
      text: "Yes.\n\nOn 3 Feb 2025, Ada wrote:\n> Coming?",
      replyText: "Yes.",
    });
  });

  it("of an HTML reply has no history either", () => {
    const html =
      '<div>Yes.</div><div class="gmail_quote"><div>On Mon, 3 Feb 2025 at 10:00, Ada &lt;<a href="mailto:ada@a.example">ada@a.example</a>&gt; wrote:<br></div><blockquote>Coming?</blockquote></div>';
    expect(inspectMessage(message("Content-Type: text/html", "", html)).replyText).toBe("Yes.");
  });
});

describe("the date", () => {
  const received = "Received: from a by b; (comment) Tue, 4 Mar 2025 10:00:00 +0100";
  const internalDate = new Date("2025-03-05T00:00:00Z");
  it.each([
    ["its header", ["Date: Mon, 3 Mar 2025 10:00:00 +0000", received], "2025-03-03T10:00:00.000Z", "header"],
    [
      "the topmost server, where the header is broken",
      ["Date: soon", received, "Received: x; Sat, 1 Mar 2025 10:00:00 +0000"],
      "2025-03-04T09:00:00.000Z",
      "received",
    ],
    ["the server that holds it", ["Subject: x"], "2025-03-05T00:00:00.000Z", "internal"],
  ])("is of %s", (_, headers, date, dateSource) => {
    const found = inspectMessage(message(...headers, "", "x"), { internalDate });
    expect([found.date?.toISOString(), found.dateSource]).toEqual([date, dateSource]);
  });

  it("is never now", () => {
    expect(inspectMessage(message("Date: soon", "", "x"))).toMatchObject({ date: null, dateSource: "none" });
  });
});

describe("what cannot be read whole", () => {
  it("still has what its headers say, and the reason", () => {
    const raw = message("From: ada@a.example", "Subject: Much", "Message-ID: <1@a.example>", "", "x".repeat(100));
    expect(inspectMessage(raw, { limits: { rawBytesMax: 100 } })).toMatchObject({
      messageId: "<1@a.example>",
      subject: "Much",
      from: [{ name: null, address: "ada@a.example" }],
      text: null,
      parts: [],
      kind: "message",
      warnings: ["unparsed.too-large"],
    });
  });

  it("has every field all the same", () => {
    const whole = Object.keys(inspectMessage(message("Subject: x", "", "x")));
    expect(Object.keys(inspectMessage(Buffer.alloc(0)))).toEqual(whole);
    expect(inspectMessage(Buffer.alloc(0)).warnings).toEqual(["unparsed.empty"]);
  });
});

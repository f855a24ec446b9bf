import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { parseMessage } from "./parse-message.ts";
import type { ReadableMessage } from "./parsed-message.ts";

/** Lines of a message, joined with CRLF; characters are bytes (latin1). */
function message(...lines: string[]): Buffer {
  return Buffer.from(lines.join("\r\n"), "latin1");
}

function read(raw: Uint8Array): ReadableMessage {
  const parsed = parseMessage(raw);
  if (parsed.kind !== "parsed") throw new Error(`unparsed: ${parsed.reason}`);
  return parsed;
}

const head = ["From: Ada <ada@a.example>", "To: Bob <bob@b.example>", "Message-ID: <1@a.example>", "MIME-Version: 1.0"];

describe("an ordinary message", () => {
  it("is read into all its fields", () => {
    const parsed = read(
      message(
        "From: Ada <ada@a.example>",
        "Sender: desk@a.example",
        "Reply-To: Team: one@a.example, Two <two@a.example>;",
        "To: Bob <bob@b.example>, carol@b.example",
        "Cc: dave@b.example",
        "Date: Fri, 21 Nov 1997 09:55:06 -0600",
        "Subject: Hello",
        "Message-ID: (old) <1@a.example> (new)",
        "In-Reply-To: <0@b.example>",
        "References: <r@b.example>",
        "\t<0@b.example>",
        "",
        "Hi",
        "there",
      ),
    );
    expect(parsed).toMatchObject({
      messageIdHeader: "<1@a.example>",
      inReplyTo: "<0@b.example>",
      references: ["<r@b.example>", "<0@b.example>"],
      subject: "Hello",
      from: [{ name: "Ada", address: "ada@a.example" }],
      sender: [{ name: null, address: "desk@a.example" }],
      replyTo: [
        { name: null, address: "one@a.example" },
        { name: "Two", address: "two@a.example" },
      ],
      to: [
        { name: "Bob", address: "bob@b.example" },
        { name: null, address: "carol@b.example" },
      ],
      cc: [{ name: null, address: "dave@b.example" }],
      date: new Date("1997-11-21T15:55:06Z"),
      dateSource: "header",
      text: "Hi\nthere",
      html: null,
      attachments: [],
      warnings: [],
    });
  });

  it("keeps its header block byte for byte", () => {
    const raw = message("X-A: 1", "X-B: \xe9\xff", " folded", "", "body");
    expect(Buffer.from(read(raw).headers)).toEqual(message("X-A: 1", "X-B: \xe9\xff", " folded"));
  });

  it("is the same with bare LF", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "",
      "one",
      "--b",
      "",
      "two",
      "--b--",
      "",
    );
    const { headers: _crlf, ...withCrlf } = read(raw);
    const { headers: _lf, ...withLf } = read(Buffer.from(raw.toString("latin1").replaceAll("\r\n", "\n"), "latin1"));
    expect(withLf).toEqual(withCrlf);
    expect(withLf.text).toBe("one\ntwo");
  });
});

describe("bodies and attachments", () => {
  it("are decoded, whatever the encoding", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=outer",
      "",
      "This is the preamble.",
      "--outer",
      "Content-Type: multipart/alternative; boundary=inner",
      "",
      "--inner",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "Gr=C3=BC=C3=9F=",
      "e",
      "--inner",
      "Content-Type: text/html; charset=iso-8859-1",
      "",
      "<b>Gr\xfc\xdfe</b>",
      "--inner--",
      "--outer",
      "Content-Type: application/pdf; name=wrong.pdf",
      "Content-Disposition: attachment; filename=right.pdf",
      "Content-Transfer-Encoding: base64",
      "",
      "AAEC",
      "/w==",
      "--outer--",
      "This is the epilogue.",
    );
    const parsed = read(raw);
    expect(parsed).toMatchObject({ text: "Grüße", html: "<b>Grüße</b>", warnings: [] });
    expect(parsed.attachments).toEqual([
      {
        filename: "right.pdf",
        contentType: "application/pdf",
        contentId: null,
        inline: false,
        bytes: Buffer.from([0, 1, 2, 255]),
      },
    ]);
  });

  it("keep an attachment without an encoding byte for byte", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "Content-Type: application/octet-stream",
      "Content-Transfer-Encoding: binary",
      "",
      "\x00\xff\r\n\n--bb\r",
      "--b--",
    );
    expect(Buffer.from(read(raw).attachments[0]?.bytes ?? []).toString("latin1")).toBe("\x00\xff\r\n\n--bb\r");
  });

  it("tell a picture in the text from a file beside it", () => {
    const image = (...headers: string[]) => [
      "--r",
      "Content-Type: image/png",
      ...headers,
      "Content-Transfer-Encoding: base64",
      "",
      "AAAA",
    ];
    const raw = message(
      ...head,
      "Content-Type: multipart/related; boundary=r",
      "",
      "--r",
      "Content-Type: text/html",
      "",
      "<img src=cid:logo@a>",
      ...image("Content-ID: <logo@a>"),
      ...image("Content-Disposition: attachment; filename=x.png"),
      "--r--",
    );
    expect(read(raw).attachments.map(({ contentId, inline }) => [contentId, inline])).toEqual([
      ["logo@a", true],
      [null, false],
    ]);
  });

  it("leave a message inside the message as one attachment, its text unread", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "",
      "see below",
      "--b",
      "Content-Type: message/rfc822",
      "",
      "From: other@c.example",
      "",
      "inner text",
      "--b--",
    );
    const parsed = read(raw);
    expect(parsed.text).toBe("see below");
    expect(parsed.attachments[0]).toMatchObject({ contentType: "message/rfc822" });
    expect(Buffer.from(parsed.attachments[0]?.bytes ?? []).toString()).toBe("From: other@c.example\r\n\r\ninner text");
  });

  it("show a plain part that stands beside HTML in both forms", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "Content-Type: multipart/alternative; boundary=a",
      "",
      "--a",
      "",
      "plain",
      "--a",
      "Content-Type: text/html",
      "",
      "<p>html</p>",
      "--a--",
      "--b",
      "",
      "footer <list@a.example>",
      "--b--",
    );
    expect(read(raw)).toMatchObject({
      text: "plain\nfooter <list@a.example>",
      html: "<p>html</p>\n<pre>footer &lt;list@a.example&gt;</pre>",
      warnings: [],
    });
  });

  it("say when the plain text lacks what the HTML shows", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "",
      "harmless",
      "--b",
      "Content-Type: text/html",
      "",
      "not",
      "--b--",
    );
    expect(read(raw)).toMatchObject({ text: "harmless", warnings: ["text.incomplete"] });
  });
});

describe("names and words in other scripts", () => {
  it("are decoded in subjects and addresses (RFC 2047)", () => {
    const raw = message(
      "From: =?iso-8859-1?Q?Andr=E9?= <andre@a.example>",
      "Subject: =?utf-8?B?R3LDvMOf?= =?utf-8?B?ZSDwn5mC?=",
      "",
      "",
    );
    expect(read(raw)).toMatchObject({ subject: "Grüße 🙂", from: [{ name: "André", address: "andre@a.example" }] });
  });

  it("never turn an encoded name into an address", () => {
    const raw = message("From: =?utf-8?B?Ym9zc0BiYW5rLmV4YW1wbGU=?= <evil@a.example>", "", "");
    expect(read(raw).from).toEqual([{ name: "boss@bank.example", address: "evil@a.example" }]);
  });

  it.each([
    ["filename*=utf-8''na%C3%AFve%20file.pdf", "naïve file.pdf"],
    ["filename*0*=utf-8''na%C3; filename*1*=%AFve; filename*2=.pdf", "naïve.pdf"],
    ["filename=plain.pdf; filename*=iso-8859-1''andr%E9.pdf", "andré.pdf"],
    ['filename="=?utf-8?Q?na=C3=AFve?=.pdf"', "naïve.pdf"],
    ["filename=Invoice(1).pdf", "Invoice(1).pdf"],
    ['filename="a\\"b;c.pdf"; size=3', 'a"b;c.pdf'],
    ['filename="../../etc/passwd"', "passwd"],
    ['filename="C:\\\\temp\\\\x.exe"', "x.exe"],
    ['filename=".."', null],
  ])("are decoded in a file's name: %s (RFC 2231)", (parameter, filename) => {
    const raw = message(
      ...head,
      "Content-Type: application/pdf",
      `Content-Disposition: attachment; ${parameter}`,
      "",
      "x",
    );
    expect(read(raw).attachments[0]?.filename).toBe(filename);
  });

  it("are read as windows-1252 where a header is 8-bit and no UTF-8", () => {
    expect(read(message("Subject: \xa37,000", "", "")).subject).toBe("£7,000");
    expect(read(message("Subject: Gr\xc3\xbc\xc3\x9fe", "", "")).subject).toBe("Grüße");
  });

  it.each([
    ["charset=x-no-such-charset", "caf\xe9"],
    ["charset=utf-8", "caf\xe9"],
    ["", "caf\xe9"],
    ['charset="', "caf\xe9"],
  ])("survive a broken charset, and say that it was guessed: %s", (parameter, body) => {
    const parsed = read(message(...head, `Content-Type: text/plain; ${parameter}`, "", body));
    expect(parsed.text).toMatch(/^caf[é\uFFFD]$/);
    expect(parsed.warnings).toEqual(["text.charset-guessed"]);
  });
});

describe("what an attacker or a broken program sends", () => {
  it("shows every sender when From comes twice, so that no reader can pick one", () => {
    const parsed = read(message("From: ceo@a.example", "From: evil@b.example", "", ""));
    expect(parsed.from.map(({ address }) => address)).toEqual(["ceo@a.example", "evil@b.example"]);
    expect(parsed.warnings).toEqual(["from.duplicated"]);
  });

  it("sees a From whose name is folded before the colon, as some readers do", () => {
    const parsed = read(message("From", " : evil@b.example", "From: ceo@a.example", "", ""));
    expect(parsed.from).toHaveLength(2);
    expect(parsed.warnings).toEqual(["from.duplicated"]);
  });

  it("takes no header behind a blank that is none (U+00A0, VT, FF)", () => {
    const parsed = read(
      message("Subject: kept", "\x0bFrom: a@a.example", "\x0cFrom: b@a.example", "\xc2\xa0From: c@a.example", "", ""),
    );
    expect(parsed.from).toEqual([]);
  });

  it("replaces NUL and lone surrogates, and says so", () => {
    const utf16 = Buffer.from("a\ud800b", "utf16le").toString("latin1");
    const subject = read(message("Subject: a\x00b", "From: =?utf-16le?B?YQAAANgAYgA=?= <x@a.example>", "", "c\x00d"));
    expect(subject).toMatchObject({ subject: "a\uFFFDb", text: "c\uFFFDd" });
    expect(subject.warnings).toContain("subject.characters-replaced");
    expect(subject.warnings).toContain("text.characters-replaced");
    const text = read(message(...head, "Content-Type: text/plain; charset=utf-16le", "", utf16)).text;
    expect(text?.isWellFormed()).toBe(true);
  });

  it("has no Message-ID", () => {
    expect(read(message("Subject: x", "", "")).messageIdHeader).toBeNull();
    const unusable = read(message("Message-ID: nothing to see", "", ""));
    expect(unusable).toMatchObject({ messageIdHeader: null, warnings: ["message-id.unusable"] });
  });

  it("is a multipart without its parts: what is there is shown, not hidden", () => {
    for (const type of ["multipart/mixed", "multipart/mixed; boundary=never-used", 'multipart/mixed; boundary=""']) {
      const parsed = read(message(...head, `Content-Type: ${type}`, "", "visible"));
      expect(parsed).toMatchObject({ text: "visible", warnings: ["multipart.empty"] });
    }
  });

  it("lacks the closing delimiter, or closes the outer one first", () => {
    const raw = message(
      ...head,
      "Content-Type: multipart/mixed; boundary=o",
      "",
      "--o",
      "Content-Type: multipart/mixed; boundary=o-inner",
      "",
      "--o-inner",
      "",
      "one",
      "--o",
      "",
      "two",
    );
    expect(read(raw).text).toBe("one\ntwo");
  });

  it("is binary garbage", () => {
    const raw = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256));
    expect(parseMessage(raw).kind).toBe("parsed");
  });

  it("is nothing at all", () => {
    expect(parseMessage(new Uint8Array(0))).toMatchObject({ kind: "unparsed", reason: "empty" });
  });
});

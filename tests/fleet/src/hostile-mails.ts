import { Buffer } from "node:buffer";

export type HostileMail = {
  readonly name: string;
  readonly raw: Uint8Array;
  /** Why it is stored as nothing but its bytes; null where it is read after all. */
  readonly unparsedReason: string | null;
};

const crlf = "\r\n";

function mail(headers: readonly string[], body: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from([...headers, "", ...body, ""].join(crlf), "latin1"));
}

/** One character a byte, so that any byte can be written into it. */
function ordinary(name: string, extra: readonly string[], body: readonly string[] = ["Hello."]): Uint8Array {
  return mail([`Message-ID: <${name}@hostile.example>`, "From: a@hostile.example", ...extra], body);
}

function parts(count: number): Uint8Array {
  const each = ["--b", "Content-Type: text/plain", "", "x"];
  return ordinary("parts", ["Content-Type: multipart/mixed; boundary=b"], [...Array(count).fill(each).flat(), "--b--"]);
}

function nested(depth: number): Uint8Array {
  const levels = Array.from({ length: depth }, (_, level) => [
    `--b${level}`,
    `Content-Type: multipart/mixed; boundary=b${level + 1}`,
    "",
  ]);
  return ordinary("nested", ["Content-Type: multipart/mixed; boundary=b0"], levels.flat());
}

function allBytes(length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) % 256));
}

const longLine = "0123456789abcde".repeat(65);

/** What a stranger may put into anybody's mailbox. */
export const hostileMails: readonly HostileMail[] = [
  {
    name: "NUL bytes in its subject and headers",
    raw: ordinary("nul", ["Subject: a\0b\0", "X-Odd: \0\0"]),
    unparsedReason: null,
  },
  {
    name: "NUL and half a surrogate pair in encoded words",
    raw: ordinary("encoded", ["Subject: =?utf-8?B?YQBi?= =?utf-16be?B?2AA=?="]),
    unparsedReason: null,
  },
  { name: "10,000 parts", raw: parts(10_000), unparsedReason: "too-many-parts" },
  { name: "multiparts in multiparts, 300 deep", raw: nested(300), unparsedReason: "nested-too-deep" },
  { name: "multiparts in multiparts, 100 deep", raw: nested(100), unparsedReason: "nested-too-deep" },
  {
    name: "two megabytes of headers",
    raw: ordinary("headers", Array(2_100).fill(`X-Long: ${longLine}`)),
    unparsedReason: "headers-too-large",
  },
  {
    name: "more bytes than are ever held in memory",
    raw: ordinary("large", ["Subject: large"], Array(33_000).fill(longLine + longLine.slice(0, 45))),
    unparsedReason: "too-large",
  },
  { name: "a Message-ID that another one has too", raw: ordinary("same", ["Subject: first"]), unparsedReason: null },
  { name: "that Message-ID, with other contents", raw: ordinary("same", ["Subject: second"]), unparsedReason: null },
  { name: "no Message-ID", raw: mail(["From: a@hostile.example", "Subject: none"], ["Hello."]), unparsedReason: null },
  {
    name: "a Message-ID of nothing",
    raw: mail(["Message-ID: <>", "Subject: empty"], ["Hello."]),
    unparsedReason: null,
  },
  { name: "no headers, and every byte there is", raw: mail([], [allBytes(4_096)]), unparsedReason: null },
  {
    name: "a date that is none",
    raw: ordinary("date", ["Date: Fri, 31 Feb 299999 25:61:61 +9999"]),
    unparsedReason: null,
  },
  {
    name: "20,000 recipients",
    raw: ordinary("recipients", [`To: ${Array(20_000).fill("r@hostile.example").join(`,${crlf} `)}`]),
    unparsedReason: null,
  },
  {
    name: "10,000 references",
    raw: ordinary("references", [
      `References: ${Array.from({ length: 10_000 }, (_, index) => `<r${index}@x>`).join(`${crlf} `)}`,
    ]),
    unparsedReason: null,
  },
  {
    name: "an attachment whose name is long and holds NUL and a path",
    raw: ordinary("filename", [
      "Content-Type: application/octet-stream",
      `Content-Disposition: attachment; filename="../../../etc/\0${"n".repeat(10_000)}"`,
    ]),
    unparsedReason: null,
  },
];

import { Buffer } from "node:buffer";

/** One way of writing mail that the fleet meets every day. */
export const sampleMailKinds = [
  "plain",
  "utf8",
  "quoted-printable",
  "base64",
  "alternative",
  "attachment",
  "inline-image",
  "reply",
] as const;
export type SampleMailKind = (typeof sampleMailKinds)[number];

export type SampleMailOptions = {
  /** Same options, same bytes. Two seeds give two Message-IDs. */
  readonly seed: number;
  /** About how large the whole message becomes; 2 KB without it. */
  readonly sizeBytes?: number;
  readonly from?: SampleAddress;
  readonly to?: SampleAddress;
  /** ASCII only: it is written into the header as it is. */
  readonly subject?: string;
  readonly date?: Date;
  /** For `reply`: the Message-IDs of the thread so far, oldest first. */
  readonly thread?: readonly string[];
};

export type SampleAddress = { readonly name: string; readonly address: string };

/** A message, and what a reader must find in it. Text lines end in LF here, in CRLF in `raw`. */
export type SampleMail = {
  readonly kind: SampleMailKind;
  readonly messageIdHeader: string;
  readonly references: readonly string[];
  readonly subject: string;
  readonly date: Date;
  readonly text: string;
  readonly html: string | null;
  readonly attachments: readonly {
    readonly filename: string;
    readonly contentType: string;
    readonly bytes: Uint8Array;
  }[];
  /** RFC 5322, lines end in CRLF. */
  readonly raw: Uint8Array;
};

type Random = () => number;
type Body = Pick<SampleMail, "text" | "html" | "attachments"> & { readonly lines: readonly string[] };

/** Many messages of about 20 KB, kinds in turn, each with a Message-ID of its own. */
export function sampleMails(options: {
  count: number;
  seed?: number;
  sizeBytes?: number;
  to?: SampleAddress;
}): SampleMail[] {
  const { count, seed = 1, sizeBytes = 20_000, to } = options;
  return Array.from({ length: count }, (_, index) => {
    const kind = sampleMailKinds[index % sampleMailKinds.length] ?? "plain";
    return sampleMail(kind, { seed: seed * 1_000_000 + index, sizeBytes, ...(to === undefined ? {} : { to }) });
  });
}

/** Builds one message of the given kind, the same for the same options on every machine. */
export function sampleMail(kind: SampleMailKind, options: SampleMailOptions): SampleMail {
  const { seed, sizeBytes = 2_000 } = options;
  const random = seededRandom(seed);
  const from = options.from ?? { name: "Ada Sender", address: "ada@sender.example" };
  const to = options.to ?? { name: "Grace Reader", address: "grace@reader.example" };
  const date = options.date ?? new Date(Date.UTC(2026, 0, 1) + seed * 1_000);
  const subject = options.subject ?? `${kind === "reply" ? "Re: " : ""}Sample ${kind} ${seed}`;
  const messageIdHeader = `<sample-${seed}-${hex(random)}@sender.example>`;
  const references = kind === "reply" ? (options.thread ?? [`<sample-root-${seed}@reader.example>`]) : [];
  const last = references.at(-1);
  const body = bodyOf[kind](random, Math.max(sizeBytes - 600, 200));
  const lines = [
    "Received: from mail.sender.example (mail.sender.example [192.0.2.1])",
    `\tby mx.reader.example with ESMTPS id ${hex(random)}; ${dateHeader(date)}`,
    `Date: ${dateHeader(date)}`,
    `From: ${from.name} <${from.address}>`,
    `To: ${to.name} <${to.address}>`,
    `Subject: ${subject}`,
    `Message-ID: ${messageIdHeader}`,
    ...(last === undefined ? [] : [`In-Reply-To: ${last}`, `References: ${references.join("\r\n ")}`]),
    "MIME-Version: 1.0",
    ...body.lines,
  ];
  const { text, html, attachments } = body;
  const raw = new Uint8Array(Buffer.from(`${lines.join("\r\n")}\r\n`, "utf8"));
  return { kind, messageIdHeader, references, subject, date, text, html, attachments, raw };
}

const bodyOf: Record<SampleMailKind, (random: Random, size: number) => Body> = {
  plain: (random, size) => textBody(asciiText(random, size), "us-ascii", "7bit", (text) => text.split("\n")),
  reply: (random, size) => textBody(asciiText(random, size), "us-ascii", "7bit", (text) => text.split("\n")),
  utf8: (random, size) => textBody(unicodeText(random, size), "utf-8", "8bit", (text) => text.split("\n")),
  "quoted-printable": (random, size) =>
    textBody(unicodeText(random, size * 0.8), "utf-8", "quoted-printable", quotedPrintableLines),
  base64: (random, size) =>
    textBody(unicodeText(random, size * 0.72), "utf-8", "base64", (text) => base64Lines(Buffer.from(text))),

  alternative(random, size) {
    const text = asciiText(random, size * 0.35);
    const html = htmlOf(text);
    const lines = multipart("alternative", `alt-${hex(random)}`, [
      ["Content-Type: text/plain; charset=us-ascii", "", ...text.split("\n")],
      [
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        ...quotedPrintableLines(html),
      ],
    ]);
    return { text, html, attachments: [], lines };
  },

  attachment(random, size) {
    const text = asciiText(random, size * 0.3);
    const file = {
      filename: "report.bin",
      contentType: "application/octet-stream",
      bytes: randomBytes(random, size * 0.5),
    };
    const lines = multipart("mixed", `mix-${hex(random)}`, [
      ["Content-Type: text/plain; charset=us-ascii", "", ...text.split("\n")],
      filePart(file, "attachment", []),
    ]);
    return { text, html: null, attachments: [file], lines };
  },

  "inline-image"(random, size) {
    const text = asciiText(random, size * 0.15);
    const html = htmlOf(`${text}\n<img src="cid:logo@sender.example">`);
    const file = { filename: "logo.png", contentType: "image/png", bytes: randomBytes(random, size * 0.45) };
    const related = multipart("related", `rel-${hex(random)}`, [
      ["Content-Type: text/html; charset=us-ascii", "", ...html.split("\n")],
      filePart(file, "inline", ["Content-ID: <logo@sender.example>"]),
    ]);
    const lines = multipart("alternative", `alt-${hex(random)}`, [
      ["Content-Type: text/plain; charset=us-ascii", "", ...text.split("\n")],
      related,
    ]);
    return { text, html, attachments: [file], lines };
  },
};

function textBody(text: string, charset: string, encoding: string, encode: (text: string) => string[]): Body {
  const head = [`Content-Type: text/plain; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`, ""];
  return { text, html: null, attachments: [], lines: [...head, ...encode(text)] };
}

function multipart(subtype: string, boundary: string, parts: readonly (readonly string[])[]): string[] {
  const head = [`Content-Type: multipart/${subtype}; boundary="${boundary}"`, ""];
  return [...head, ...parts.flatMap((part) => [`--${boundary}`, ...part]), `--${boundary}--`];
}

function filePart(file: SampleMail["attachments"][number], disposition: string, headers: readonly string[]): string[] {
  const head = [
    `Content-Type: ${file.contentType}; name="${file.filename}"`,
    `Content-Disposition: ${disposition}; filename="${file.filename}"`,
    ...headers,
    "Content-Transfer-Encoding: base64",
    "",
  ];
  return [...head, ...base64Lines(file.bytes)];
}

function htmlOf(text: string): string {
  return `<html><body>\n${text.replace(/\n/g, "<br>\n")}\n</body></html>`;
}

const words = "the quarterly report arrives before noon and nobody in accounting expects a surprise from it".split(" ");
const unicodeWords = "Grüße größer übermorgen naïve café señor данные привет 日本語 報告 🙂 straße".split(" ");

function asciiText(random: Random, size: number): string {
  return prose(random, size, words);
}

function unicodeText(random: Random, size: number): string {
  return prose(random, size, [...words, ...unicodeWords]);
}

/** Lines of at most about 70 characters; `size` counts bytes of UTF-8. */
function prose(random: Random, size: number, vocabulary: readonly string[]): string {
  const lines: string[] = [];
  for (let bytes = 0; bytes < size; ) {
    let line = "";
    while (line.length < 60) line += `${line === "" ? "" : " "}${vocabulary[Math.floor(random() * vocabulary.length)]}`;
    lines.push(line);
    bytes += Buffer.byteLength(line) + 2;
  }
  return lines.join("\n");
}

/** RFC 2045 §6.7: lines of at most 76 characters, soft breaks never inside an escape. */
function quotedPrintableLines(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const tokens = [...Buffer.from(line, "utf8")].map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x3d
        ? String.fromCharCode(byte)
        : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    );
    const out: string[] = [];
    let current = "";
    for (const token of tokens) {
      if (current.length + token.length > 75) {
        out.push(`${current}=`);
        current = "";
      }
      current += token;
    }
    return [...out, current.replace(/ $/, "=20")];
  });
}

function base64Lines(bytes: Uint8Array): string[] {
  return (
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  );
}

/** RFC 5322 §3.3, always in UTC. */
function dateHeader(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}

function randomBytes(random: Random, size: number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(size) }, () => Math.floor(random() * 256));
}

function hex(random: Random): string {
  return Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
}

/** mulberry32: small, fast, and the same everywhere. Never for secrets. */
function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

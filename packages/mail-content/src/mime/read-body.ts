import { decodeWords } from "postal-mime";
import type { ParsedAttachment } from "../parsed-message.ts";
import { cutText, storableText } from "../storable-text.ts";
import { decodeCharset } from "./decode-charset.ts";
import { decodeTransfer } from "./decode-transfer.ts";
import type { Part } from "./read-parts.ts";
import { unflow } from "./unflow.ts";

export type MessageBody = {
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly ParsedAttachment[];
};

type Warn = (warning: string) => void;

/**
 * Sorts parts into text, HTML and attachments. `text` is every plain text part, one after another. `html` is every HTML
 * part, and where there is one also the plain parts that stand beside it and are no other version of it, so that who
 * shows HTML shows everything. HTML is never turned into text here: that is a matter of trust, not of reading.
 */
export function readBody(parts: readonly Part[], textLengthMax: number, warn: Warn): MessageBody {
  const texts: string[] = [];
  const htmls: string[] = [];
  const attachments: ParsedAttachment[] = [];
  const shown = parts.filter(isShownText);
  const isHtml = (part: Part) => part.contentType.value === "text/html";
  const hasHtml = shown.some(isHtml);
  const withPlain = new Set(shown.filter((part) => !isHtml(part)).map(({ alternative }) => alternative));

  for (const part of parts) {
    if (!isShownText(part)) attachments.push(readAttachment(part, warn));
    else if (isHtml(part)) {
      htmls.push(readText(part, textLengthMax, warn));
      if (withPlain.size > 0 && (part.alternative === null || !withPlain.has(part.alternative))) {
        warn("text.incomplete");
      }
    } else {
      const text = readText(part, textLengthMax, warn);
      texts.push(text);
      if (hasHtml && part.alternative === null) htmls.push(asHtml(text));
    }
  }
  return {
    text: joined("text", texts, textLengthMax, warn),
    html: joined("html", htmls, textLengthMax, warn),
    attachments,
  };
}

function isShownText({ contentType, disposition }: Part): boolean {
  return (
    (contentType.value === "text/plain" || contentType.value === "text/html") && disposition.value !== "attachment"
  );
}

function readText(part: Part, lengthMax: number, warn: Warn): string {
  const bytes = decodeTransfer(part.body, part.transferEncoding);
  const format = part.contentType.value === "text/html" ? "html" : "plain";
  const { text, faithful } = decodeCharset(bytes, part.contentType.parameters.get("charset"), format);
  if (!faithful) warn("text.charset-guessed");
  // Cut before anything else looks at it; `joined` says so.
  const cut = text.length > lengthMax ? text.slice(0, lengthMax + 1) : text;
  const lines = cut.includes("\r") ? cut.replace(/\r\n?/g, "\n") : cut;
  const flowed =
    part.contentType.value === "text/plain" && part.contentType.parameters.get("format")?.toLowerCase() === "flowed";
  return flowed ? unflow(lines, part.contentType.parameters.get("delsp")?.toLowerCase() === "yes") : lines;
}

function asHtml(text: string): string {
  const escaped = text.replace(/[&<>]/g, (char) => (char === "&" ? "&amp;" : char === "<" ? "&lt;" : "&gt;"));
  return `<pre>${escaped}</pre>`;
}

function joined(field: "text" | "html", texts: readonly string[], lengthMax: number, warn: Warn): string | null {
  const text = texts.filter((part) => part !== "").join("\n");
  if (text === "") return null;
  if (text.length > lengthMax) warn(`${field}.cut`);
  return storableText(cutText(text, lengthMax), () => warn(`${field}.characters-replaced`));
}

const nameLengthMax = 255;
const encodedNameLengthMax = 4_096;

function readAttachment(part: Part, warn: Warn): ParsedAttachment {
  const stored = (value: string) => storableText(value, () => warn("attachment.characters-replaced"));
  const name = part.disposition.parameters.get("filename") ?? part.contentType.parameters.get("name");
  const contentId = part.contentId === null ? "" : stored(part.contentId).trim().replace(/^<|>$/g, "");
  return {
    filename: name === undefined ? null : lastComponent(stored(decodeWords(name.slice(0, encodedNameLengthMax)))),
    contentType: knownType(part.contentType.value),
    contentId: contentId === "" ? null : cutText(contentId, nameLengthMax),
    inline:
      part.disposition.value === "inline" ||
      (part.related && contentId !== "" && part.disposition.value !== "attachment"),
    bytes: decodeTransfer(part.body, part.transferEncoding),
  };
}

/** RFC 2183 §2.3: a folder in the name is the sender's, and not to be followed. */
function lastComponent(filename: string): string | null {
  const name = filename.slice(Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1).trim();
  return name === "" || name === "." || name === ".." ? null : cutText(name, nameLengthMax);
}

/** RFC 2045 §5.1: two tokens. Anything else is bytes of an unknown kind (§5.2). */
function knownType(value: string): string {
  return /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(value) ? value : "application/octet-stream";
}

import type { MailAddress } from "@mailfleet/mail-content";
import type { InspectedFile, UnreadFile } from "./inspect-file.ts";

const textLengthShown = 2_000;

/** One inspected file as a report for people. */
export function describeInspected(inspected: InspectedFile | UnreadFile): string {
  if ("error" in inspected) return `${inspected.file}\n  error: ${inspected.error.message} (${inspected.error.code})\n`;
  const { file, kind, trust, date, dateSource, subject, messageId, from, to, cc, replyTo } = inspected;
  const lines = [
    file,
    line("kind", kind),
    line("trust", `${trust.verdict}: ${trust.evidence.map(({ detail }) => detail).join("; ")}`),
    line("date", date === null ? "none" : `${date.toISOString()} (${dateSource})`),
    line("from", people(from)),
    line("reply to", people(replyTo)),
    line("to", people([...to, ...cc])),
    line("subject", subject),
    line("message id", messageId),
    ...bounceLines(inspected),
    ...inspected.parts.map(({ path, contentType, size }) => line(`part ${path}`, `${contentType}, ${size} bytes`)),
    ...inspected.attachments.map(({ filename, contentType, size, sha256 }) =>
      line("attachment", `${filename ?? "(no name)"}, ${contentType}, ${size} bytes, SHA-256 ${sha256}`),
    ),
    ...inspected.warnings.map((warning) => line("warning", warning)),
    ...(inspected.text === null ? [] : ["", ...indented(inspected.text)]),
  ];
  return `${lines.filter((one) => one !== null).join("\n")}\n`;
}

function line(label: string, value: string | null): string | null {
  return value === null || value === "" ? null : `  ${label}: ${value.replace(/\s*\n\s*/g, " ")}`;
}

function people(addresses: readonly MailAddress[]): string {
  return addresses.map(({ name, address }) => (name === null ? address : `${name} <${address}>`)).join(", ");
}

function bounceLines({ bounce }: InspectedFile): (string | null)[] {
  if (bounce === null) return [];
  const recipients = bounce.recipients.map(({ address, action, status, permanent, category, reason }) => {
    const kind = permanent ? "permanent" : "not permanent";
    return line(
      "recipient",
      `${address}: ${action}, ${kind}, ${category}, ${status ?? "no status"}: ${reason ?? "no reason given"}`,
    );
  });
  return [line("original message id", bounce.originalMessageId), ...recipients];
}

function indented(text: string): string[] {
  const shown = text.length > textLengthShown ? `${text.slice(0, textLengthShown)}…` : text;
  return shown.split("\n").map((one) => `  | ${one}`);
}

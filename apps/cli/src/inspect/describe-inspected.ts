import type { MailAddress } from "@mailfleet/mail-content";
import type { InspectedFile, UnreadFile } from "./inspect-file.ts";

const textLengthShown = 2_000;

/** One inspected file as a report for people. */
export function describeInspected(inspected: InspectedFile | UnreadFile): string {
  if ("error" in inspected) return `${inspected.file}\n  error: ${inspected.error.message} (${inspected.error.code})\n`;
  const { file, kind, trust, rules, date, dateSource, subject, messageId, inReplyTo, references } = inspected;
  const { from, sender, replyTo, to, cc, text, html, replyText } = inspected;
  const lines = [
    file,
    line("kind", kind),
    line("trust", `${trust.verdict}: ${trust.evidence.map(({ detail }) => detail).join("; ")}`),
    line("rules", rules.join(", ") || "none matched"),
    line("date", date === null ? "none" : `${date.toISOString()} (${dateSource})`),
    line("from", people(from)),
    line("sender", people(sender)),
    line("reply to", people(replyTo)),
    line("to", people(to)),
    line("cc", people(cc)),
    line("subject", subject),
    line("message id", messageId),
    line("in reply to", inReplyTo),
    line("references", references.join(" ")),
    ...bounceLines(inspected),
    ...inspected.parts.map(({ path, contentType, size }) => line(`part ${path}`, `${contentType}, ${size} bytes`)),
    ...inspected.attachments.map(({ filename, contentType, size, sha256, inline }) => {
      const what = `${filename ?? "(no name)"}, ${contentType}, ${size} bytes, SHA-256 ${sha256}`;
      return line(inline ? "inline attachment" : "attachment", what);
    }),
    ...inspected.warnings.map((warning) => line("warning", warning)),
    line("html", html === null ? null : `${html.length} characters`),
    ...(text === null ? [] : ["", ...indented(text)]),
    ...(replyText === null || replyText === text ? [] : ["", "  without what it quotes:", ...indented(replyText)]),
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

import { cutText } from "../storable-text.ts";

/**
 * The text without the history it quotes: what stands behind the line that introduces it, and lines marked with `>`.
 * Answers between quoted lines stay, and so does what somebody forwards, which is no history of theirs. A text that is
 * nothing but history stays as it is. Of a very long text only the beginning is read. The rules are those of mail programs, which mark history in no standard way.
 */
export function replyText(whole: string): string {
  const text = cutText(whole, textLengthRead);
  const lines = text.split("\n");
  const kept = lines.slice(0, historyStart(lines));
  const introduced = new Set<number>();
  for (let at = 1; at < kept.length; at += 1) {
    if (isQuoted(kept[at]) && !isQuoted(kept[at - 1])) addIntroduction(kept, at, introduced);
  }
  const reply = kept
    .filter((line, index) => !isQuoted(line) && !introduced.has(index))
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  return reply === "" ? text.trim() : reply;
}

const textLengthRead = 1_000_000;
const introductionLinesMax = 3;
const lineLengthRead = 300;
const linesScannedMax = 20_000;

function isQuoted(line: string | undefined): boolean {
  return line?.startsWith(">") === true || line?.startsWith(" >") === true;
}

/** The line from which on everything is history; the number of lines where there is none. */
function historyStart(lines: readonly string[]): number {
  const scanned = Math.min(lines.length, linesScannedMax);
  for (let at = 0; at < scanned; at += 1) {
    const line = (lines[at] ?? "").slice(0, lineLengthRead);
    if (separators.some((separator) => separator.test(line))) return at;
    if (startsHeaderBlock(lines, at)) return at > 0 && /^_{10,}\s*$/.test(lines[at - 1] ?? "") ? at - 1 : at;
    const length = introductionLength(lines, at);
    // An introduction to marked lines leaves the answers between and behind them. Without marks it must name a time or
    // an address, or a sentence of the writer's own would do.
    if (length > 0 && !isFollowedByQuoted(lines, at + length)) {
      if (/[\d@<]/.test(lines.slice(at, at + length).join(" "))) return at;
    }
  }
  return lines.length;
}

/** Lines such as `On Mon, 3 Feb 2025, Ada wrote:`, which a program may have wrapped. 0 where there is none. */
function introductionLength(lines: readonly string[], at: number): number {
  const first = (lines[at] ?? "").slice(0, lineLengthRead);
  if (!introductionOpens.test(first)) return 0;
  let joined = "";
  for (let count = 1; count <= introductionLinesMax; count += 1) {
    const line = lines[at + count - 1];
    if (line === undefined || line.trim() === "" || isQuoted(line)) return 0;
    joined = `${joined} ${line.slice(0, lineLengthRead)}`;
    if (introductionCloses.test(line.slice(-lineLengthRead))) return joined.trim().length > 12 ? count : 0;
  }
  return 0;
}

/** The lines that introduce the marked ones that begin at `quoted`. */
function addIntroduction(lines: readonly string[], quoted: number, introduced: Set<number>): void {
  let last = quoted - 1;
  while (last > quoted - 3 && (lines[last] ?? "x").trim() === "") last -= 1;
  for (let first = last; first >= 0 && first > last - introductionLinesMax; first -= 1) {
    if (introductionLength(lines, first) !== last - first + 1) continue;
    for (let at = first; at <= last; at += 1) introduced.add(at);
    return;
  }
}

function isFollowedByQuoted(lines: readonly string[], at: number): boolean {
  let next = at;
  while (next < at + 2 && (lines[next] ?? "x").trim() === "") next += 1;
  return isQuoted(lines[next]);
}

const separators = [
  /^\s*-{2,}\s*(original message|original appointment|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|originalmeddelande|oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|původní zpráva|wiadomość oryginalna|исходное сообщение|原始邮件|原始郵件|元のメッセージ)\s*-{2,}\s*$/i,
  /^\s*-{5,}\s*reply above this line\s*-{5,}/i,
];

/** A weekday's or a preposition's word, a date, or a name before one. */
const introductionOpens =
  /^\s*((on|am|le|el|il|op|em|den|w dniu|dnia|dne)\s|\d{1,4}[-/.年]\s?\d|[\p{Lu}"][^\n]{0,80}[\s(]\d{1,4}[-/.:]\d|(пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье))/iu;
const introductionCloses =
  /(\bwrote|\bschrieb[^\n:]{0,120}|\ba écrit|\bescribió|\bha scritto|\bschreef[^\n:]{0,120}|\bheeft[^\n:]{1,120}geschreven|\bescreveu|\bskrev[^\n:]{0,120}|\bnapisał(\(a\)|a)?|\bnapsal(\(a\)|a)?|пишет|написал(\(а\)|а)?|写道|寫道|のメール|<[^<>\s]{3,200}@[^<>\s]{1,200}>)\s*[:：]\s*$/iu;

/** Outlook puts the headers of what it quotes above it: at least sender, time or recipient, and subject. */
function startsHeaderBlock(lines: readonly string[], at: number): boolean {
  if (at === 0 || !headerFrom.test(headerLine(lines, at)) || isForward(lines, at)) return false;
  let found = 0;
  for (let next = at + 1; next < at + 7; next += 1) {
    const line = headerLine(lines, next);
    if (headerOther.test(line)) found += 1;
    if (headerSubject.test(line)) return found > 0;
  }
  return false;
}

function headerLine(lines: readonly string[], at: number): string {
  return (lines[at] ?? "").slice(0, 80).replace(/^[\s*]+/, "");
}

/** `Forwarded message` above the headers: what follows is what the message is about. */
function isForward(lines: readonly string[], at: number): boolean {
  for (let before = at - 1; before >= 0 && before >= at - 3; before -= 1) {
    if (/forwarded message|weitergeleitete nachricht|message transféré|begin forwarded/i.test(lines[before] ?? "")) {
      return true;
    }
  }
  return false;
}

const headerFrom = /^(from|von|de|da|van|od|från|fra|lähettäjä|от|发件人|寄件者|差出人)\s*\*?\s*[:：]/i;
const headerOther =
  /^(sent|date|to|gesendet|datum|an|envoyé|à|enviado|para|inviato|data|verzonden|aan|wysłano|do|skickat|till|sendt|til|отправлено|кому|дата|发送时间|收件人|日期|送信日時|宛先)\s*\*?\s*[:：]/i;
const headerSubject =
  /^(subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|ämne|emne|aihe|тема|主题|主旨|件名)\s*\*?\s*[:：]/i;

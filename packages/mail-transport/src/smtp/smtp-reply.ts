/** A server's reply, taken apart. `line` is what rules look at: code, enhanced code and text on one line. */
export type SmtpReply = {
  readonly code: number;
  /** RFC 3463, such as `5.7.1`, where the server gave one. */
  readonly enhancedCode: string | null;
  readonly line: string;
};

/** Text is only ever matched; this much of it is enough, however much a server sends. */
const lineLengthMax = 2_000;

/** Reads a reply of one or more lines (RFC 5321 §4.2.1). Null when it does not begin with a code. */
export function parseReply(response: string | undefined): SmtpReply | null {
  const [whole = "", digits] = /^([2-5]\d\d)(?=[ -]|$)/.exec(response ?? "") ?? [];
  if (response === undefined || digits === undefined) return null;
  const [, enhancedCode = null] = /^[ -]([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/.exec(response.slice(whole.length)) ?? [];
  const words = response.slice(0, lineLengthMax).split(/\r?\n/).map(withoutCodes).join(" ").trim();
  const line = [digits, enhancedCode, words].filter((part) => part !== null && part !== "").join(" ");
  return { code: Number(digits), enhancedCode, line };
}

function withoutCodes(line: string): string {
  return line.replace(/^\d{3}[ -]?(?:[245]\.\d{1,3}\.\d{1,3}(?=\s|$))?/, "").trim();
}

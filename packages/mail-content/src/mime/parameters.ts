import { Buffer } from "node:buffer";
import { decodeCharset } from "./decode-charset.ts";

/** A header value such as `text/plain; charset=utf-8`: the value in lower case, and the parameters by their lower-case names. */
export type ParameterisedValue = { readonly value: string; readonly parameters: ReadonlyMap<string, string> };

const lengthMax = 16_384;

/**
 * Reads Content-Type (RFC 2045 §5.1) and Content-Disposition (RFC 2183 §2), with comments, quoted strings and the
 * continuations and charsets of RFC 2231. Of two parameters of one name the first holds, as of two headers.
 */
export function parseParameters(header: string): ParameterisedValue {
  const [first = "", ...rest] = splitUnquoted(header.slice(0, lengthMax));
  const sections = new Map<string, string>();
  for (const section of rest) {
    const equals = section.indexOf("=");
    const name = (equals === -1 ? section : section.slice(0, equals)).trim().toLowerCase();
    if (name !== "" && !sections.has(name))
      sections.set(name, equals === -1 ? "" : unquoted(section.slice(equals + 1)));
  }
  return { value: unquoted(first).toLowerCase(), parameters: joinContinuations(sections) };
}

/**
 * Splits at semicolons, leaving out comments (RFC 5322 §3.2.2); neither counts inside a quoted string. Inside a value a
 * parenthesis that follows no blank is part of it (`filename=Invoice(1).pdf`), and one that never closes is no comment.
 */
function splitUnquoted(header: string): string[] {
  const sections: string[] = [];
  const lastClosing = header.lastIndexOf(")");
  let section = "";
  let last = "";
  let inValue = false;
  let quoted = false;
  let depth = 0;
  for (let at = 0; at < header.length; at += 1) {
    const char = header[at] ?? "";
    if (char === "\\" && (quoted || depth > 0)) {
      at += 1;
      if (depth === 0) section += char + (header[at] ?? "");
    } else if (depth > 0) {
      if (char === "(") depth += 1;
      if (char === ")") depth -= 1;
    } else if (char === "(" && !quoted && at < lastClosing && (!inValue || last === " " || last === "\t")) {
      depth = 1;
    } else if (char === ";" && !quoted) {
      sections.push(section);
      section = "";
      inValue = false;
    } else {
      if (char === '"') quoted = !quoted;
      if (char === "=") inValue = true;
      section += char;
    }
    last = char;
  }
  return [...sections, section];
}

/** A token or a quoted string (RFC 2045 §5.1). What follows a closed quote is junk. */
function unquoted(value: string): string {
  const trimmed = value.trim();
  if (!trimmed.startsWith('"')) return trimmed;
  const inside = /^"((?:[^"\\]|\\.)*)/s.exec(trimmed)?.[1] ?? "";
  return inside.replace(/\\(.)/gs, "$1");
}

type Section = { readonly number: number; readonly encoded: boolean; readonly value: string };

/** RFC 2231 §3 and §4: `name*0*=utf-8''a%20; name*1=b` is one parameter. Beside the plain form the extended one holds. */
function joinContinuations(sections: ReadonlyMap<string, string>): Map<string, string> {
  const parameters = new Map<string, string>();
  const extended = new Map<string, Section[]>();
  for (const [key, value] of sections) {
    const match = /^([^*]+)\*(?:(\d{1,4})(\*)?)?$/.exec(key);
    if (match === null) parameters.set(key, value);
    else {
      const [, name = "", number, star] = match;
      const list = extended.get(name) ?? [];
      list.push({ number: Number(number ?? 0), encoded: number === undefined || star === "*", value });
      extended.set(name, list);
    }
  }
  for (const [name, list] of extended) parameters.set(name, joinSections(list.toSorted((a, b) => a.number - b.number)));
  return parameters;
}

/** Encoded sections that stand together are decoded together: a character may be cut in two by the break between them. */
function joinSections(sections: readonly Section[]): string {
  let charset = "utf-8";
  let joined = "";
  let escaped = "";
  for (const [index, { encoded, value }] of sections.entries()) {
    const labelled = index === 0 && encoded ? /^([^']*)'[^']*'(.*)$/s.exec(value) : null;
    if (labelled !== null) charset = labelled[1] || charset;
    if (encoded) escaped += labelled?.[2] ?? value;
    else {
      joined += percentDecoded(escaped, charset) + value;
      escaped = "";
    }
  }
  return joined + percentDecoded(escaped, charset);
}

function percentDecoded(value: string, charset: string): string {
  if (value === "") return "";
  const octet = (_: string, digits: string) => String.fromCharCode(Number.parseInt(digits, 16));
  const octets = Buffer.from(value, "utf8")
    .toString("latin1")
    .replace(/%([0-9a-f]{2})/gi, octet);
  return decodeCharset(Buffer.from(octets, "latin1"), charset).text;
}

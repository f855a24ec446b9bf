/** One method of an Authentication-Results field (RFC 8601 §2.2): `dmarc=pass (p=REJECT) header.from=example.org`. */
export type MethodResult = {
  readonly method: string;
  readonly result: string;
  /** By `ptype.property`, in lower case; a property without ptype, as Microsoft writes `action`, by its own name. */
  readonly properties: ReadonlyMap<string, string>;
  readonly comments: readonly string[];
};

export type AuthenticationResults = {
  /** Lower case. Null where the field begins with a method, as Microsoft 365 writes it. */
  readonly authservId: string | null;
  readonly methods: readonly MethodResult[];
};

/** More than any server writes. */
const valueLengthMax = 16_384;

/**
 * Reads one field by its grammar: what stands in a comment or a quoted string is no syntax, whatever it looks like. Null
 * where the field breaks the grammar, since its other reader may then see anything.
 */
export function parseAuthenticationResults(value: string): AuthenticationResults | null {
  if (value.length > valueLengthMax) return null;
  const statements = splitStatements(value);
  if (statements === null) return null;
  const [first, ...rest] = statements;
  if (first === undefined) return null;
  const named = first.tokens.some((token) => token === "=") ? null : first.tokens;
  if (named !== null && (named.length === 0 || named.length > 2)) return null;
  const methods: MethodResult[] = [];
  for (const statement of named === null ? statements : rest) {
    if (statement.tokens.length === 0) continue;
    if (statement.tokens.length === 1 && statement.tokens[0]?.toLowerCase() === "none") continue;
    const method = readMethod(statement);
    if (method === null) return null;
    methods.push(method);
  }
  return { authservId: named?.[0]?.toLowerCase() ?? null, methods };
}

type Statement = { readonly tokens: string[]; readonly comments: string[] };

/** `name = value` and then more of the same; a value may be quoted, and is then one token with its quotes gone. */
function readMethod({ tokens, comments }: Statement): MethodResult | null {
  const pairs: [string, string][] = [];
  for (let at = 0; at < tokens.length; at += 3) {
    const [name, equals, value] = tokens.slice(at, at + 3);
    if (name === undefined || equals !== "=" || value === "=") return null;
    pairs.push([name.toLowerCase(), value ?? ""]); // `smtp.mailfrom=`: the null sender
  }
  const [first, ...rest] = pairs;
  if (first === undefined) return null;
  const properties = new Map<string, string>();
  for (const [name, propertyValue] of rest) {
    // A property twice is two answers, and so none.
    properties.set(name, properties.has(name) ? "" : propertyValue);
  }
  // `dkim/1` names a version (RFC 8601 §2.2).
  return { method: first[0].replace(/\/1$/, ""), result: first[1].toLowerCase(), properties, comments };
}

function splitStatements(value: string): Statement[] | null {
  const statements: Statement[] = [{ tokens: [], comments: [] }];
  for (let at = 0; at < value.length; ) {
    const current = statements.at(-1) as Statement;
    const char = value[at] as string;
    if (char === ";") {
      statements.push({ tokens: [], comments: [] });
      at++;
    } else if (/\s/.test(char)) at++;
    else if (char === "=") {
      current.tokens.push("=");
      at++;
    } else if (char === "(") {
      const end = endOfComment(value, at);
      if (end === null) return null;
      current.comments.push(value.slice(at + 1, end - 1));
      at = end;
    } else {
      const word = readWord(value, at, current.tokens.at(-1) === "=");
      if (word === null) return null;
      current.tokens.push(word.text);
      at = word.end;
    }
  }
  return statements;
}

function endOfComment(value: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    if (value[at] === "\\") at++;
    else if (value[at] === "(") depth++;
    else if (value[at] === ")" && --depth === 0) return at + 1;
  }
  return null;
}

/** Up to a blank, `;`, `(` or, in a name, `=`; quoted strings within it are part of it. A value may hold `=` itself. */
function readWord(value: string, start: number, isValue: boolean): { text: string; end: number } | null {
  let text = "";
  let at = start;
  while (at < value.length) {
    const char = value[at] as string;
    if (/[\s;(]/.test(char) || (char === "=" && !isValue)) break;
    if (char !== '"') {
      text += char;
      at++;
      continue;
    }
    const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(value.slice(at));
    if (quoted === null) return null;
    text += (quoted[1] ?? "").replace(/\\(.)/g, "$1");
    at += quoted[0].length;
  }
  return at === start ? null : { text, end: at };
}

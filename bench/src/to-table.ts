/** A result for people: a line for each field, and one for each of its parts. */
export function toTable(result: Record<string, unknown>): string {
  const lines = Object.entries(result).flatMap(([name, value]): [string, string][] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).map(([part, inner]) => [`  ${name}.${part}`, String(inner)])
      : [[name, String(value)]],
  );
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

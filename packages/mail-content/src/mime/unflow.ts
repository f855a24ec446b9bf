/**
 * Undoes `format=flowed` (RFC 3676 §4): lines that end in a space go on in the next one of the same quoting depth. Lines
 * end in LF. `deleteSpace` is the `delsp` parameter.
 */
export function unflow(text: string, deleteSpace: boolean): string {
  const lines: string[] = [];
  let paragraph: string[] = [];
  let depth = 0;
  const endParagraph = () => {
    if (paragraph.length > 0) lines.push(`${">".repeat(depth)}${depth > 0 ? " " : ""}${paragraph.join("")}`);
    paragraph = [];
  };

  for (const line of text.split("\n")) {
    const quoted = quotingDepth(line);
    const content = line[quoted] === " " ? line.slice(quoted + 1) : line.slice(quoted);
    if (quoted !== depth) endParagraph();
    depth = quoted;
    // The signature separator is a line of its own although it ends in a space (§4.3).
    const flows = content.endsWith(" ") && content !== "-- ";
    if (content === "-- ") endParagraph();
    paragraph.push(flows && deleteSpace ? content.slice(0, -1) : content);
    if (!flows) endParagraph();
  }
  endParagraph();
  return lines.join("\n");
}

function quotingDepth(line: string): number {
  let depth = 0;
  while (line[depth] === ">") depth += 1;
  return depth;
}

import { pipeline } from "node:stream/promises";
import Table from "cli-table3";
import { UsageError } from "./faults.ts";
import { toTerminalJson, toTerminalLine, toTerminalText } from "./terminal-text.ts";

/** A heading and what stands under it; null where a row has nothing to say. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => string | number | Date | null>>;

/**
 * Data goes to stdout, the rest to stderr. With `json` stdout is exactly one line, one object or array; without it,
 * tables and text in which nothing that came from outside can steer the terminal.
 */
export type Printer = {
  readonly json: boolean;
  rows<Row>(rows: readonly Row[], columns: Columns<Row>): void;
  /** One object: as JSON what it is, for people what `lines` makes of it. */
  one(object: object, lines: Readonly<Record<string, string | number | Date | null>>): void;
  /** Text of any length for people, such as a message's body. Nothing with `json`. */
  text(text: string): void;
  /** The one JSON value of a command whose tables were printed by `table`. Nothing without `json`. */
  result(value: object): void;
  /** A table for people, one of several. Nothing with `json`. */
  table<Row>(rows: readonly Row[], columns: Columns<Row>): void;
  note(text: string): void;
  /**
   * Bytes as they are, to a file or another program.
   *
   * @throws UsageError for a terminal: what came from outside could take it over
   */
  bytes(chunks: AsyncIterable<Uint8Array>): Promise<void>;
};

export type Streams = {
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly errors: NodeJS.WritableStream;
};

export function createPrinter({ out, errors }: Streams, json: boolean): Printer {
  const write = (text: string) => void out.write(`${text}\n`);
  const printer: Printer = {
    json,
    rows(rows, columns) {
      if (json) write(toTerminalJson(rows));
      else printer.table(rows, columns);
    },
    one(object, lines) {
      if (json) return write(toTerminalJson(object));
      write(
        toTable(
          [],
          Object.entries(lines).map(([name, value]) => [name, toCell(value)]),
        ),
      );
    },
    text(text) {
      if (!json) write(toTerminalText(text));
    },
    result(value) {
      if (json) write(toTerminalJson(value));
    },
    table(rows, columns) {
      if (json) return;
      const cells = rows.map((row) => Object.values(columns).map((read) => toCell(read(row))));
      write(toTable(Object.keys(columns), cells));
    },
    note: (text) => void errors.write(`${toTerminalText(text)}\n`),
    async bytes(chunks) {
      if (out.isTTY)
        throw new UsageError("bytes from outside are not written to a terminal", "Send them to a file: add > FILE.");
      await pipeline(chunks, out, { end: false });
    },
  };
  return printer;
}

const cellLengthMax = 100;

function toCell(value: string | number | Date | null): string {
  if (value === null) return "-";
  const text = toTerminalLine(value instanceof Date ? value.toISOString() : String(value));
  return text.length > cellLengthMax ? `${text.slice(0, cellLengthMax - 1)}…` : text;
}

/** Columns apart by two spaces and nothing else: easy to read, and to cut with `awk`. */
const noLines = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "" },
  ...{ "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
};

function toTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const style = { "padding-left": 0, "padding-right": 0, head: [], border: [] };
  const table = new Table({ head: headings.map((heading) => heading.toUpperCase()), chars: noLines, style });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

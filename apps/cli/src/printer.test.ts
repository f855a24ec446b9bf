import { PassThrough, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { UsageError } from "./faults.ts";
import { createPrinter, type Printer } from "./printer.ts";

async function printed(json: boolean, work: (print: Printer) => unknown): Promise<{ out: string; errors: string }> {
  const [out, errors] = [new PassThrough(), new PassThrough()];
  await work(createPrinter({ out, errors }, json));
  out.end();
  errors.end();
  return { out: (await buffer(out)).toString(), errors: (await buffer(errors)).toString() };
}

const rows = [
  { name: "a", note: "one\ntwo" },
  { name: "\u001b[2Jb", note: null },
];
const columns = { Name: (row: (typeof rows)[number]) => row.name, Note: (row: (typeof rows)[number]) => row.note };

describe("what is printed", () => {
  it("for people is a table of one line a row, whatever stands in it", async () => {
    const { out } = await printed(false, (print) => print.rows(rows, columns));
    expect(out).toBe("NAME        NOTE\na           one\\ntwo\n\\u001b[2Jb  -\n");
  });

  it("with --json is one line of JSON on stdout, everything else on stderr", async () => {
    const { out, errors } = await printed(true, (print) => {
      print.note("a note");
      print.table(rows, columns);
      print.text("text");
      print.rows(rows, columns);
    });
    expect(out).toBe(`${JSON.stringify(rows)}\n`);
    expect(errors).toBe("a note\n");
  });

  it("never is bytes from outside on a terminal", async () => {
    const terminal = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), { isTTY: true });
    const print = createPrinter({ out: terminal, errors: terminal }, false);
    const bytes = (async function* () {
      yield Buffer.from("\u001b[2J");
    })();
    await expect(print.bytes(bytes)).rejects.toThrow(UsageError);
  });
});

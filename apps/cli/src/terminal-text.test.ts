import { describe, expect, it } from "vitest";
import { toTerminalJson, toTerminalLine, toTerminalText } from "./terminal-text.ts";

const clearScreen = "\u001b[2J";
const setTitle = "\u009d0;owned\u0007";
const rightToLeft = "\u202egpj.exe";

describe("text from outside", () => {
  it("cannot steer the terminal: escape sequences, C1, DEL, backspace and direction marks are written out", () => {
    expect(toTerminalText(`a${clearScreen}b${setTitle}c\u007f\b${rightToLeft}\u2028`)).toBe(
      "a\\u001b[2Jb\\u009d0;owned\\u0007c\\u007f\\u0008\\u202egpj.exe\\u2028",
    );
  });

  it("keeps its lines, tabs and every script", () => {
    expect(toTerminalText("one\r\ntwo\n\tÄpfel 日本語 עברית 👩‍👩‍👧")).toBe("one\ntwo\n\tÄpfel 日本語 עברית 👩‍👩‍👧");
    expect(toTerminalText("a lone\rreturn overwrites")).toBe("a lone\\u000dreturn overwrites");
  });

  it("stays in its cell: a subject cannot begin another row of a table", () => {
    expect(toTerminalLine("Hello\nid-2  forged\t1")).toBe("Hello\\nid-2  forged\\t1");
  });
});

describe("JSON for a terminal", () => {
  const nasty = { subject: `${clearScreen}${setTitle}${rightToLeft}\u2028\u007f\n` };

  it("is one line that means the same", () => {
    const line = toTerminalJson(nasty);
    expect(line).not.toContain("\n");
    expect(JSON.parse(line)).toEqual(nasty);
  });

  it("holds no character that a terminal obeys", () => {
    expect(toTerminalJson(nasty)).toMatch(/^[\u0020-\u007e]*$/);
  });

  it("writes IMAP's 32-bit numbers as numbers and times as ISO 8601", () => {
    expect(toTerminalJson({ uidValidity: 4_294_967_295n, at: new Date(0) })).toBe(
      '{"uidValidity":4294967295,"at":"1970-01-01T00:00:00.000Z"}',
    );
  });
});

import { describe, expect, it } from "vitest";
import { unflow } from "./unflow.ts";

describe("unflow", () => {
  it.each([
    ["joins what flows", "one \ntwo\nthree", false, "one two\nthree"],
    ["deletes the space where told to", "日本 \n語", true, "日本語"],
    ["keeps quotes of different depth apart", "> a \n>> b \n>> c\nd", false, "> a \n>> b c\nd"],
    ["undoes the stuffing", " From here\n  indented", false, "From here\n indented"],
    ["never joins a signature", "text \n-- \nsig", false, "text \n-- \nsig"],
    ["keeps empty lines", "a\n\nb \n\nc", false, "a\n\nb \nc"],
  ])("%s (RFC 3676)", (_what, text, deleteSpace, expected) => {
    expect(unflow(text, deleteSpace)).toBe(expected);
  });
});

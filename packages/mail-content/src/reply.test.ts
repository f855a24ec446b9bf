import { describe, expect, it } from "vitest";
import { replyReferences, replySubject } from "./reply.ts";

describe("replySubject", () => {
  it.each([
    ["Hello", "Re: Hello"],
    ["Re: Hello", "Re: Hello"],
    ["RE : Hello", "RE : Hello"],
    ["Regarding", "Re: Regarding"],
    [null, "Re:"],
    ["a\r\nBcc: x", "Re: a Bcc: x"],
    ["\ud800", "Re: \uFFFD"],
  ])("answers %j with %j", (subject, expected) => {
    expect(replySubject(subject)).toBe(expected);
  });
});

describe("replyReferences", () => {
  it("appends the parent to its own references (RFC 5322 §3.6.4)", () => {
    const parent = { messageIdHeader: "<3@a>", inReplyTo: "<2@a>", references: ["<1@a>", "<2@a>"] };
    expect(replyReferences(parent)).toEqual({ inReplyTo: "<3@a>", references: ["<1@a>", "<2@a>", "<3@a>"] });
  });

  it("takes what the parent answered where it names no references", () => {
    const parent = { messageIdHeader: "<3@a>", inReplyTo: "<2@a>", references: [] };
    expect(replyReferences(parent).references).toEqual(["<2@a>", "<3@a>"]);
  });

  it("names the parent once and last, even when it refers to itself", () => {
    const parent = { messageIdHeader: "<1@a>", inReplyTo: "<1@a>", references: ["<1@a>", "<2@a>"] };
    expect(replyReferences(parent).references).toEqual(["<2@a>", "<1@a>"]);
  });

  it("keeps a thread together when the parent has no Message-ID", () => {
    expect(replyReferences({ messageIdHeader: null, inReplyTo: null, references: ["<1@a>"] })).toEqual({
      inReplyTo: null,
      references: ["<1@a>"],
    });
  });

  it("keeps the root and the parent of a thread that is too long", () => {
    const references = Array.from({ length: 100 }, (_, index) => `<${index}@a>`);
    const reply = replyReferences({ messageIdHeader: "<parent@a>", inReplyTo: null, references });
    expect(reply.references).toHaveLength(40);
    expect(reply.references[0]).toBe("<0@a>");
    expect(reply.references.at(-1)).toBe("<parent@a>");
  });
});

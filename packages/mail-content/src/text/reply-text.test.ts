import { describe, expect, it } from "vitest";
import { replyText } from "./reply-text.ts";

describe("the history a reply quotes is left out", () => {
  it.each([
    ["Gmail's", "Yes.\n\nOn Mon, 3 Feb 2025 at 10:00, Ada Lovelace <ada@a.example>\nwrote:\n\n> Coming?\n> A."],
    ["Apple Mail's", "Yes.\n\n> On 3 Feb 2025, at 10:00, Ada <ada@a.example> wrote:\n> \n> Coming?"],
    ["Thunderbird's in German", "Yes.\n\nAm 03.02.25 um 10:00 schrieb Ada:\n> Coming?"],
    ["French", "Yes.\n\nLe lun. 3 févr. 2025 à 10:00, Ada <ada@a.example> a écrit :\n> Coming?"],
    ["Russian", "Yes.\n\nпн, 3 февр. 2025 г. в 10:00, Ada <ada@a.example>:\n> Coming?"],
    [
      "Outlook's",
      "Yes.\n\n________________________________\nFrom: Ada <ada@a.example>\nSent: Monday\nTo: Bob\nSubject: Party\n\nComing?",
    ],
    [
      "Outlook's without a line",
      "Yes.\n\n*From:* Ada <ada@a.example>\n*Sent:* Monday\n*To:* Bob\n*Subject:* Party\n\nComing?",
    ],
    ["Outlook's in German", "Yes.\n\nVon: Ada\nGesendet: Montag\nAn: Bob\nBetreff: Party\n\nComing?"],
    ["Outlook's of old", "Yes.\n\n-----Original Message-----\nFrom: Ada\n\nComing?"],
    ["unmarked", "Yes.\n\nOn 3 Feb 2025, ada@a.example wrote:\n\nComing?"],
  ])("%s", (_, text) => {
    expect(replyText(text)).toBe("Yes.");
  });
});

describe("what the writer wrote stays", () => {
  it("answers between quoted lines", () => {
    expect(replyText("On Mon 3 Feb, Ada wrote:\n> one?\n\nyes\n\n> two?\n\nno\n")).toBe("yes\n\nno");
  });

  it.each([
    [
      "a forwarded message",
      "See below.\n\n---------- Forwarded message ---------\nFrom: Ada\nDate: Monday\nSubject: Party\nTo: Bob\n\nComing?",
    ],
    ["a sentence that looks like an introduction", "Hi,\nOn Monday I wrote:\nthat it works."],
    ["a message that is nothing but a quotation", "> Coming?"],
    ["a signature", "Yes.\n\n-- \nBob"],
  ])("%s", (_, text) => {
    expect(replyText(text)).toBe(text);
  });
});

it.each([
  ["openings", "On 1\n".repeat(1_000_000)],
  ["one long line", "On Mon 12:00 abc ".repeat(300_000)],
  ["dates", `${"2020-01-01 ".repeat(25)}:\n`.repeat(15_000)],
  ["headers", "From: x\n".repeat(500_000)],
  ["closings", "1 wrote:\n> x\n".repeat(300_000)],
])("takes less than two seconds for five megabytes of %s", (_, text) => {
  const start = performance.now();
  replyText(text);
  expect(performance.now() - start).toBeLessThan(2_000);
});

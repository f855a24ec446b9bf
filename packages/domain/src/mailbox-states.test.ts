import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { remedyByCode } from "./errors.ts";
import {
  isRetried,
  type MailboxState,
  mailboxMoves,
  mailboxStates,
  retriedReasons,
  statesBefore,
} from "./mailbox-states.ts";

const page = readFileSync(new URL("../../../docs/mailbox-states.md", import.meta.url), "utf8");

describe("the states of a mailbox", () => {
  it("are drawn in the document exactly as the table has them", () => {
    const drawn = [...page.matchAll(/^ {2}([a-z-]+) --> ([a-z-]+) : ([a-z]+)$/gm)].map(([, ...arrow]) =>
      arrow.join(" "),
    );
    const moves = Object.entries(mailboxMoves);
    const table = moves.flatMap(([name, { from, to }]) => from.map((state) => `${state} ${to} ${name}`));
    expect(drawn.toSorted()).toEqual(table.toSorted());
  });

  it("have each move explained there", () => {
    const explained = [...page.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name);
    expect(explained).toEqual(Object.keys(mailboxMoves));
  });

  it("are all reached from pending, and none is a dead end", () => {
    const reached = new Set<MailboxState>(["pending"]);
    for (let size = 0; size < reached.size; ) {
      size = reached.size;
      for (const { from, to } of Object.values(mailboxMoves))
        if (from.some((state) => reached.has(state))) reached.add(to);
    }
    expect([...reached].toSorted()).toEqual([...mailboxStates].toSorted());
    const left = new Set<MailboxState>(Object.values(mailboxMoves).flatMap(({ from }) => [...from]));
    expect(mailboxStates.filter((state) => !left.has(state))).toEqual([]);
  });

  it("are left by themselves only where an administrator can help, and never for want of a proof", () => {
    expect(retriedReasons.map((reason) => remedyByCode[reason])).toEqual(retriedReasons.map(() => "ask-admin"));
    expect(isRetried("binding.unproven")).toBe(false);
  });

  it("let nothing become active again from a state that is not its own move's", () => {
    expect(statesBefore("active").toSorted()).toEqual(["disconnected", "needs-attention", "paused", "pending"]);
    expect(statesBefore("needs-attention")).toEqual(["active"]);
  });
});

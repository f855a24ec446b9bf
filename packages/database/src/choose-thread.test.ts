import type { ThreadId } from "@mailfleet/domain";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseThread, type KnownThreads, type Linked } from "./choose-thread.ts";

const people = ["ann", "bob", "eve"] as const;
const person = fc.constantFrom(...people);
const header = fc.constantFrom("<1>", "<2>", "<3>", "<4>");
const message: fc.Arbitrary<Linked> = fc
  .record({
    messageIdHeader: fc.option(header, { nil: null }),
    inReplyTo: fc.option(header, { nil: null }),
    references: fc.array(header, { maxLength: 3 }),
    author: fc.option(person, { nil: null }),
    named: fc.array(person, { maxLength: 2 }),
    providerThread: fc.option(fc.constantFrom("gm:1", "gm:2"), { nil: null }),
    subject: fc.option(fc.constantFrom("the order", "the bill"), { nil: null }),
    answersSubject: fc.boolean(),
  })
  .map(({ named, ...links }) => ({ ...links, participants: links.author === null ? [] : [links.author, ...named] }));

/** Every message in its turn, and the thread it went to. */
function play(messages: readonly Linked[]): { message: Linked; threadId: ThreadId }[] {
  const known: KnownThreads = { byKey: new Map(), participants: new Map() };
  let count = 0;
  return messages.map((one) => ({ message: one, threadId: chooseThread(one, known, () => `t${count++}` as ThreadId) }));
}

describe("chooseThread", () => {
  it("lets nobody into a thread who had no part in it before", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const played = play(messages);
        for (const [at, { message: joining, threadId }] of played.entries()) {
          const before = played.slice(0, at).filter((one) => one.threadId === threadId);
          if (before.length === 0) continue;
          expect(before.flatMap((one) => one.message.participants)).toContain(joining.author);
        }
      }),
    );
  });

  /** One nobody vouches for, whatever it claims; and one who is vouched for as somebody else. */
  const writers = fc.constantFrom({ author: null, participants: [] }, { author: "mallory", participants: ["mallory"] });

  it("changes nothing of the threads of others by a message that none of them wrote", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        message,
        fc.nat(8),
        writers,
        (messages, forged, place, writer) => {
          const at = Math.min(place, messages.length);
          const with_ = play([...messages.slice(0, at), { ...forged, ...writer }, ...messages.slice(at)]);
          const without = play(messages);
          const together = (threads: readonly ThreadId[]) => threads.map((one) => threads.indexOf(one));
          const kept = with_.filter((_, index) => index !== at).map(({ threadId }) => threadId);
          expect(together(kept)).toEqual(together(without.map(({ threadId }) => threadId)));
        },
      ),
    );
  });

  it("follows the nearest message answered", () => {
    const part = { author: "ann", participants: ["ann"], providerThread: null, subject: null, answersSubject: false };
    const [one, two, three] = play([
      { messageIdHeader: "<1>", inReplyTo: null, references: [], ...part },
      { messageIdHeader: "<2>", inReplyTo: null, references: [], ...part },
      { messageIdHeader: "<3>", inReplyTo: null, references: ["<1>", "<2>"], ...part },
    ]);
    expect(three?.threadId).toBe(two?.threadId);
    expect(three?.threadId).not.toBe(one?.threadId);
  });

  it("asks the headers first, then the provider, and a subject only where nothing else is named", () => {
    const part = { author: "ann", participants: ["ann"], inReplyTo: null, references: [], messageIdHeader: null };
    const plain = { ...part, providerThread: null, subject: null, answersSubject: false };
    const [byHeader, byProvider, bySubject, nearest, ofProvider, ofSubject, ofNothing] = play([
      { ...plain, messageIdHeader: "<1>" },
      { ...plain, providerThread: "gm:1" },
      { ...plain, subject: "the order" },
      { ...plain, inReplyTo: "<1>", providerThread: "gm:1", subject: "the order", answersSubject: false },
      { ...plain, providerThread: "gm:1", subject: "the order", answersSubject: true },
      { ...plain, subject: "the order", answersSubject: true },
      { ...plain, subject: "the order" },
    ]).map(({ threadId }) => threadId);
    expect([nearest, ofProvider, ofSubject]).toEqual([byHeader, byProvider, bySubject]);
    expect([byHeader, byProvider, bySubject]).not.toContain(ofNothing);
  });
});

import { type MailConnection, Secret } from "@mailfleet/domain";
import { memoryMailSource } from "@mailfleet/testkit";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type FolderCursor, readPages } from "./index.ts";

type Step =
  | { readonly kind: "deliver" | "deliver-late" | "deliver-broken" | "deliver-large" | "reveal" | "reset" }
  | { readonly kind: "expunge"; readonly at: number }
  /** A pass that dies after so many pages are stored, or whose connection dies after so many bodies. */
  | { readonly kind: "read"; readonly storedPagesMax: number; readonly bodiesMax: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "deliver" as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: "deliver-late" as const }, { kind: "reveal" as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: "deliver-broken" as const }, { kind: "deliver-large" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "reset" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("expunge" as const), at: fc.nat(40) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("read" as const), storedPagesMax: fc.nat(4), bodiesMax: fc.nat(12) }),
  },
);

const limits = { pageMessagesMax: 3, pageBytesMax: 400, messageBytesMax: 300, lookBackUids: 4 };
const strikesMax = 3;

/** A mailbox, its reader as the fleet will be one, and a clock that moves two seconds with everything that happens. */
function world(startFrom: "now" | "beginning") {
  const user = "reader@memory.test";
  const mail = memoryMailSource({ login: (name) => ({ kind: "password", user: name, password: Secret.of("pw") }) });
  const folder = mail.folder(user);
  const places = new Map<string, string>();
  const strikes = new Map<string, number>();
  const hidden: number[] = [];
  let cursor: FolderCursor | null = null;
  let clock = Date.UTC(2026, 0, 1);
  let count = 0;
  const tick = () => {
    clock += 2_000;
    return new Date(clock);
  };
  const place = (uidValidity: bigint, uid: number) => `${uidValidity}:${uid}`;

  async function knownUids(from: number, uidValidity: bigint): Promise<ReadonlySet<number>> {
    const givenUp = [...strikes].filter(([, times]) => times >= strikesMax).map(([key]) => key);
    const uids = [...places.keys(), ...givenUp].map((key) => key.split(":"));
    const here = uids.filter(([validity]) => validity === String(uidValidity)).map(([, uid]) => Number(uid));
    return new Set(here.filter((uid) => uid >= from));
  }

  async function read(storedPagesMax = Number.POSITIVE_INFINITY): Promise<boolean> {
    const connection: MailConnection = await mail.source.connect(mail.mailbox(user), { signal });
    let stored = 0;
    const request = { folder: "INBOX", cursor, startFrom, knownUids, limits };
    for await (const page of readPages(connection, request, { signal, now: tick })) {
      if (stored++ >= storedPagesMax) return false; // killed before it could commit
      for (const { uid, body } of page.messages) {
        const key = place(page.uidValidity, uid);
        expect(places.has(key), "a stored message is read again").toBe(false);
        const bytes = body.kind === "bytes" ? [body.raw] : await Array.fromAsync((await body.open()) ?? []);
        places.set(key, Buffer.concat(bytes).toString());
      }
      for (const uid of page.unreadable) {
        const key = place(page.uidValidity, uid);
        strikes.set(key, (strikes.get(key) ?? 0) + 1);
      }
      cursor = page.cursorAfter;
      if (page.last) return true;
    }
    throw new Error("a pass ended without a last page");
  }

  function deliver(options: { hidden?: boolean; sizeBytes?: number } = {}): number {
    // Servers show UIDs out of order within moments, so within the look-back.
    while ((hidden[0] ?? Number.POSITIVE_INFINITY) <= folder.state().uidNext - limits.lookBackUids)
      folder.reveal(hidden.shift() ?? 0);
    const text = `message ${count++}`;
    return folder.deliver(Buffer.from(text.padEnd(options.sizeBytes ?? 100)), { internalDate: tick(), ...options });
  }

  /** What is there now, by text; null for what cannot be read. A reset renames UIDs, never texts. */
  const present = () =>
    folder.uids().map((uid) => {
      const raw = folder.read(uid);
      return { key: place(folder.state().uidValidity, uid), text: raw === null ? null : Buffer.from(raw).toString() };
    });
  const reveal = () => {
    for (const uid of hidden.splice(0)) folder.reveal(uid);
  };

  async function apply(step: Step): Promise<void> {
    tick();
    if (step.kind === "deliver") deliver();
    if (step.kind === "deliver-large") deliver({ sizeBytes: 900 });
    if (step.kind === "deliver-late") hidden.push(deliver({ hidden: true }));
    if (step.kind === "deliver-broken") folder.makeUnreadable(deliver());
    if (step.kind === "expunge") folder.expunge(folder.uids()[step.at] ?? 0);
    if (step.kind === "reveal" || step.kind === "reset") reveal(); // a rebuilt folder shows all it has
    if (step.kind === "reset") folder.resetUidValidity();
    if (step.kind !== "read") return;
    folder.failAfterReads(step.bodiesMax);
    await read(step.storedPagesMax).catch((error) => expect(error).toMatchObject({ code: "provider.unavailable" }));
    folder.failAfterReads(Number.POSITIVE_INFINITY);
  }

  return { places, strikes, present, deliver, read, reveal, apply };
}

const signal = new AbortController().signal;

it.each(["now", "beginning"] as const)(
  "never loses or repeats a message, whatever happens, starting from %s",
  async (startFrom) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(12), fc.array(anyStep, { maxLength: 60 }), async (earlierCount, steps) => {
        const { places, strikes, present, deliver, read, reveal, apply } = world(startFrom);
        for (let earlier = 0; earlier < earlierCount; earlier++) deliver();
        const before = new Set(startFrom === "now" ? present().map(({ text }) => text) : []);
        await read();
        for (const step of steps) await apply(step);
        reveal();
        for (let pass = 0; pass <= strikesMax; pass++) expect(await read(), "a pass in peace is complete").toBe(true);

        const stored = new Set(places.values());
        for (const { key, text } of present()) {
          const givenUp = (strikes.get(key) ?? 0) >= strikesMax;
          if (text !== null && before.has(text)) expect(stored.has(text), "older than the start").toBe(false);
          else expect(givenUp || (text !== null && stored.has(text)), `${text} is lost`).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  },
);

import { describe, expect, expectTypeOf, it } from "vitest";
import { MailboxId, TenantId } from "./ids.ts";
import type { MailServer } from "./mail-server.ts";
import type { OutgoingMessage } from "./ports/mail-transport.ts";
import { type Untrusted, type UntrustedDeep, untrusted } from "./untrusted.ts";
import { shownAsData } from "./untrusted-escapes.ts";

type Rows = {
  readonly subject: Untrusted<string>;
  readonly maybe: Untrusted<string> | null;
  readonly all: readonly Untrusted<string>[];
};

/** Compiled by the type check and never called: a line that begins to compile is an error there. */
export function wrongUses({ subject, maybe, all }: Rows): void {
  const recipients: string[] = [];
  // @ts-expect-error no recipient
  recipients.push(subject);
  // @ts-expect-error no envelope
  const envelope: OutgoingMessage["envelope"] = { from: subject, to: all };
  // @ts-expect-error no identity
  const tenant: TenantId = subject;
  // @ts-expect-error no mailbox
  const mailbox: MailboxId = subject;
  // @ts-expect-error no setting
  const server: MailServer = { host: subject, port: 993, security: "tls" };
  // @ts-expect-error no address to dial
  void fetch(subject);
  // @ts-expect-error no path
  void import("node:fs").then((fs) => fs.readFileSync(subject));
  // @ts-expect-error no instruction, nor a part of one
  const instruction = `Do what it says: ${subject}`;
  // @ts-expect-error not where it may be missing either
  const quoted = `> ${maybe}`;
  // @ts-expect-error nor by adding
  const added = `Do: ${"x" + subject}`;
  // @ts-expect-error nor by a method of text
  const lower: unknown = subject.toLowerCase();
  // @ts-expect-error nor by saying it were text
  const said = subject as string;
  // @ts-expect-error nor out of a list
  const [first]: readonly string[] = all;
  void [envelope, tenant, mailbox, server, instruction, quoted, added, lower, said, first];
}

describe("what came from outside", () => {
  it("is the value itself, and no text to the compiler", () => {
    const marked = untrusted({
      subject: "Hi",
      from: [{ name: null as string | null, address: "a@b" }],
      at: new Date(0),
    });
    expect(marked).toEqual({ subject: "Hi", from: [{ name: null, address: "a@b" }], at: new Date(0) });
    expectTypeOf(marked.subject).toEqualTypeOf<Untrusted<string>>();
    expectTypeOf(marked.from[0]).toEqualTypeOf<
      { readonly name: Untrusted<string> | null; readonly address: Untrusted<string> } | undefined
    >();
    expectTypeOf(marked.at).toEqualTypeOf<Date>();
    expectTypeOf<UntrustedDeep<{ sizeBytes: number }>>().toEqualTypeOf<{ readonly sizeBytes: number }>();
  });

  it("comes out by a named way alone, and nothing stays nothing", () => {
    expectTypeOf(shownAsData(untrusted("Hi"))).toEqualTypeOf<string>();
    expect(shownAsData(untrusted("Hi"))).toBe("Hi");
    expect(shownAsData(null)).toBeNull();
  });

  it("makes no id even where the value is one: ids are parsed from our own rows", () => {
    expect(() => TenantId.parse(untrusted("not-one"))).toThrow();
    expect(MailboxId.safeParse(untrusted("x")).success).toBe(false);
  });
});

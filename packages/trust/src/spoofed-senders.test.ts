import { describe, expect, it } from "vitest";
import { judgeSender } from "./judge-sender.ts";
import type { SenderSettings, TrustedHop } from "./sender-settings.ts";
import { createSignedDomain, lookupIn } from "./testing/signed-domain.ts";

// The bank is on the allow-list and signs everything; the thief owns a domain, signs well, and wants to be the bank.
const bank = createSignedDomain("bank.example");
const thief = createSignedDomain("thief.example", "v=DMARC1; p=none");
const lookup = lookupIn(bank, thief);
const boss = "boss@bank.example";
const receivedAt = new Date();

const hops: readonly TrustedHop[] = [
  { kind: "none" },
  { kind: "authserv-id", id: "mx.host.example" },
  { kind: "microsoft-365" },
];
const settings = (trustedHop: TrustedHop): SenderSettings => ({
  ...{ trustedHop, internalDomains: ["bank.example"], trustedSealers: ["forwarder.example"] },
  allowList: [boss, "@bank.example"],
});

/** Judged behind every kind of server, each of which wrote what it saw above what arrived. */
async function attributions(raw: string, from: readonly string[]): Promise<readonly (string | null)[]> {
  const verdicts = await Promise.all(
    hops.flatMap((hop) =>
      [lookup, null].map((asked) =>
        judgeSender({
          ...{ raw: Buffer.from(`${stampOf(hop)}${raw}`, "latin1"), from, receivedAt },
          ...{ settings: settings(hop), lookup: asked },
        }),
      ),
    ),
  );
  return verdicts.map(({ attributedTo }) => attributedTo);
}

function stampOf(hop: TrustedHop): string {
  if (hop.kind === "none") return "";
  const results =
    "spf=pass smtp.mailfrom=thief.example; dkim=none; dmarc=fail (p=REJECT) action=oreject header.from=bank.example";
  if (hop.kind === "authserv-id") return `Authentication-Results: ${hop.id};\r\n ${results}\r\n`;
  const received = "Received: from mail.thief.example (192.0.2.7) by AM1PEPF0.mail.protection.outlook.com";
  return `${received} with SMTP; Sun, 22 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: ${results}\r\n`;
}

const rest =
  "To: me@host.example\r\nSubject: Please pay\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nPay today.\r\n";
const nobody = hops.flatMap(() => [null, null]);

describe("a spoofed From of an allow-listed sender is never attributed", () => {
  it("bare: the address is simply written", async () => {
    expect(await attributions(`From: ${boss}\r\n${rest}`, [boss])).toEqual(nobody);
  });

  it("second From: a good signature of the thief's, and another From above it", async () => {
    const signed = await thief.sign(`From: me@thief.example\r\n${rest}`);
    expect(await attributions(`From: ${boss}\r\n${signed}`, [boss, "me@thief.example"])).toEqual(nobody);
    expect(await attributions(`From: ${boss}\r\n${signed}`, [boss])).toEqual(nobody);
    expect(await attributions(signed.replace("To: ", `FROM\t: ${boss}\r\nTo: `), ["me@thief.example"])).toEqual(nobody);
  });

  it("several addresses in one From, of which the thief's is signed", async () => {
    const signed = await thief.sign(`From: ${boss}, me@thief.example\r\n${rest}`);
    expect(await attributions(signed, [boss, "me@thief.example"])).toEqual(nobody);
    expect(await attributions(signed, [boss])).toEqual(nobody);
  });

  it("display-name address: the boss is only the name of the thief's address", async () => {
    for (const name of [`"${boss}"`, boss, `${boss} (really)`, `"Boss <${boss}>"`]) {
      const signed = await thief.sign(`From: ${name} <me@thief.example>\r\n${rest}`);
      expect(await attributions(signed, ["me@thief.example"])).toEqual(nobody);
      expect(await attributions(signed, [boss])).toEqual(nobody);
    }
  });

  it("encoded: an encoded word that decodes to the boss's address", async () => {
    for (const from of [
      "=?utf-8?q?boss=40bank.example?= <me@thief.example>",
      "=?utf-8?q?boss=40bank.example_=3Cboss=40bank.example=3E?=",
      "=?utf-8?q?boss?=@bank.example",
      "<=?utf-8?b?Ym9zc0BiYW5rLmV4YW1wbGU=?=>",
    ]) {
      const signed = await thief.sign(`From: ${from}\r\n${rest}`);
      expect(await attributions(signed, [boss])).toEqual(nobody);
      expect(await attributions(signed, ["me@thief.example"])).toEqual(nobody);
    }
  });

  it("forged Authentication-Results: the sender wrote the server's answer himself", async () => {
    const passed =
      "dkim=pass header.d=bank.example; spf=pass smtp.mailfrom=bank.example; dmarc=pass action=none header.from=bank.example";
    for (const forged of [`mx.host.example; ${passed}`, passed, `MX.HOST.EXAMPLE 1; ${passed}`]) {
      expect(await attributions(`Authentication-Results: ${forged}\r\nFrom: ${boss}\r\n${rest}`, [boss])).toEqual(
        nobody,
      );
      const marked = `X-MS-Exchange-Organization-AuthAs: Internal\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n`;
      const fields = `${marked}Authentication-Results: ${forged}\r\nFrom: ${boss}\r\n`;
      expect(await attributions(`${fields}${rest}`, [boss])).toEqual(nobody);
    }
  });

  it("forged ARC: a chain that holds, sealed by the thief, in which the bank is said to have passed", async () => {
    const results = "mx.thief.example; dkim=pass header.d=bank.example; dmarc=pass header.from=bank.example";
    const sealed = await thief.seal(`From: ${boss}\r\n${rest}`, { i: 1, cv: "none", results });
    expect(await attributions(sealed, [boss])).toEqual(nobody);
  });

  it("forged ARC: fields that name a trusted forwarder without its key", async () => {
    const results = "mx.thief.example; dmarc=pass header.from=bank.example";
    const sealed = await thief.seal(`From: ${boss}\r\n${rest}`, { i: 1, cv: "none", results });
    expect(await attributions(sealed.replaceAll("d=thief.example", "d=forwarder.example"), [boss])).toEqual(nobody);
  });

  it("unsigned subdomain: a host below the bank's domain that nobody signs for", async () => {
    const address = "boss@pay.bank.example";
    expect(await attributions(`From: ${address}\r\n${rest}`, [address])).toEqual(nobody);
    const signed = await thief.sign(`From: ${address}\r\n${rest}`);
    expect(await attributions(signed, [address])).toEqual(nobody);
  });

  it("replayed DKIM with an added From: the bank's own signature still holds", async () => {
    const signed = await bank.sign(`From: ${boss}\r\n${rest}`);
    expect(await attributions(`From: me@thief.example\r\n${signed}`, ["me@thief.example"])).toEqual(nobody);
    expect(await attributions(`From: news@bank.example\r\n${signed}`, ["news@bank.example"])).toEqual(nobody);
    expect(await attributions(`From: news@bank.example\r\n${signed}`, [boss])).toEqual(nobody);
  });

  it("replayed DKIM with another text: below l=, or in place of the signed one", async () => {
    const open = await bank.sign(`From: ${boss}\r\n${rest}`, { maxBodyLength: 10 });
    expect(await attributions(`${open}Pay the thief.\r\n`, [boss])).toEqual(nobody);
    const closed = await bank.sign(`From: ${boss}\r\n${rest}`);
    expect(await attributions(closed.replace("Pay today.", "Pay the thief."), [boss])).toEqual(nobody);
  });

  it("quoted semicolon: a pass within a quoted string or a comment of the server's own results", async () => {
    for (const sender of [
      '"x; dmarc=pass header.from=bank.example"@thief.example',
      "(x; dmarc=pass header.from=bank.example)@thief.example",
      '"x\\"; dmarc=pass header.from=bank.example; y=\\""@thief.example',
      '"x; dmarc=pass header.from=bank.example; @thief.example',
    ]) {
      for (const id of ["mx.host.example; ", ""]) {
        const results = `Authentication-Results: ${id}spf=pass smtp.mailfrom=${sender}; dkim=none\r\n`;
        const raw = `${received}${results}From: ${boss}\r\n${rest}`;
        for (const hop of hops) {
          const asked = { raw: Buffer.from(raw), from: [boss], receivedAt, settings: settings(hop), lookup };
          expect((await judgeSender(asked)).attributedTo).toBeNull();
        }
      }
    }
  });

  it("folded header: a line of a folded field that looks like a field of its own", async () => {
    const folded = `X-Note: a\r\n Authentication-Results: mx.host.example; dmarc=pass header.from=bank.example\r\n`;
    expect(await attributions(`${folded}From: ${boss}\r\n${rest}`, [boss])).toEqual(nobody);
    const signed = await thief.sign(`From: me@thief.example\r\n${rest}`);
    expect(await attributions(`X-Note: a\r\n\tFrom: ${boss}\r\n${signed}`, [boss])).toEqual(nobody);
    expect(await attributions(`From\r\n : ${boss}\r\n${signed}`, [boss])).toEqual(nobody);
  });

  it("Sender trick: the thief is the Sender and signs for himself, or the boss is and the thief is From", async () => {
    const asSender = await thief.sign(`From: ${boss}\r\nSender: me@thief.example\r\n${rest}`);
    expect(await attributions(asSender, [boss])).toEqual(nobody);
    const bossSends = await thief.sign(`From: me@thief.example\r\nSender: ${boss}\r\nReply-To: ${boss}\r\n${rest}`);
    expect(await attributions(bossSends, ["me@thief.example"])).toEqual(nobody);
  });

  it("group syntax: the boss is the member or the name of a group", async () => {
    for (const from of [
      `Bank: ${boss};`,
      `Bank: ${boss}, me@thief.example;`,
      `${boss}:;`,
      `${boss}: me@thief.example;`,
    ]) {
      const signed = await thief.sign(`From: ${from}\r\n${rest}`);
      for (const parsed of [[boss], ["me@thief.example"], [boss, "me@thief.example"], []]) {
        expect(await attributions(signed, parsed)).toEqual(nobody);
      }
    }
  });
});

const received =
  "Received: from mail.thief.example (192.0.2.7) by AM1PEPF0.mail.protection.outlook.com with SMTP; Sun, 22 Nov 2026 10:00:00 +0000\r\n";

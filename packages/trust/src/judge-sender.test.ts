import { describe, expect, it } from "vitest";
import { judgeSender, type SenderQuestion } from "./judge-sender.ts";
import { noTrust } from "./sender-settings.ts";
import { createSignedDomain, lookupIn } from "./testing/signed-domain.ts";
import { LookupFailed } from "./txt-lookup.ts";

const shop = createSignedDomain("shop.example");
const list = createSignedDomain("list.example");
const lax = createSignedDomain("lax.example", "v=DMARC1; p=none");
const ann = "ann@shop.example";
const plain = `From: Ann <${ann}>\r\nTo: me@host.example\r\nSubject: Order\r\n\r\nHello.\r\n`;
const settings = { ...noTrust, allowList: [ann] };

function judge(raw: string, changes: Partial<SenderQuestion> = {}) {
  const from = [ann];
  return judgeSender({
    ...{ raw: Buffer.from(raw, "latin1"), from, receivedAt: new Date(), settings, lookup: lookupIn(shop, list, lax) },
    ...changes,
  });
}

describe("our own check of the bytes", () => {
  it("verifies and attributes what its author's domain signed", async () => {
    expect(await judge(await shop.sign(plain))).toMatchObject({ verdict: "verified", attributedTo: ann });
  });

  it("verifies, and attributes to nobody, who is not on the allow-list", async () => {
    const signed = await shop.sign(plain);
    expect(await judge(signed, { settings: noTrust })).toMatchObject({ verdict: "verified", attributedTo: null });
    const other = { ...noTrust, allowList: ["@example", "@mail.shop.example", "bob@shop.example"] };
    expect(await judge(signed, { settings: other })).toMatchObject({ verdict: "verified", attributedTo: null });
  });

  it("checks mail whose store keeps bare LF", async () => {
    const signed = (await shop.sign(plain)).replaceAll("\r\n", "\n");
    expect(await judge(signed)).toMatchObject({ verdict: "verified" });
  });

  it("takes a subdomain's author for proven by the organisation's signature, unless the owner asks for the same domain", async () => {
    const from = ["ann@mail.shop.example"];
    const signed = await shop.sign(plain.replace(ann, "ann@mail.shop.example"));
    expect(await judge(signed, { from })).toMatchObject({ verdict: "verified", attributedTo: null });
    const strict = { records: { "_dmarc.mail.shop.example": "v=DMARC1; p=reject; adkim=s" } };
    expect(await judge(signed, { from, lookup: lookupIn(shop, strict) })).toMatchObject({ verdict: "spoofed" });
  });

  it("says spoofed only of a domain that asks for it, and only when every key was to be had", async () => {
    expect(await judge(plain)).toMatchObject({ verdict: "spoofed", attributedTo: null });
    const from = ["ann@lax.example"];
    expect(await judge(plain.replace(ann, "ann@lax.example"), { from })).toMatchObject({ verdict: "unverified" });
    const signed = await shop.sign(plain);
    const lookup = async (name: string) => {
      if (name.includes("_domainkey")) throw new LookupFailed("ESERVFAIL");
      return lookupIn(shop)(name);
    };
    expect(await judge(signed, { lookup })).toMatchObject({ verdict: "unverified" });
  });

  it("judges a signature at the time its message arrived, since stored mail is read later", async () => {
    const early = await judge(await shop.sign(plain), { receivedAt: new Date(Date.now() - 86_400_000) });
    expect(early).toMatchObject({ attributedTo: null });
  });

  it("ends a look-up that never answers, and then nobody is proven", async () => {
    const verdict = await judge(await shop.sign(plain), { lookup: () => new Promise(() => undefined), lookupMs: 20 });
    expect(verdict).toMatchObject({ verdict: "unverified", attributedTo: null });
  });

  it("does not follow a message that names more keys than any real one", async () => {
    let asked = 0;
    const lookup = async (name: string) => {
      asked++;
      return lookupIn(shop)(name);
    };
    const fields = Array.from(
      { length: 2_000 },
      (_, at) => `DKIM-Signature: v=1; a=rsa-sha256; d=d${at}.example; s=s; h=from; bh=; b=\r\n`,
    );
    const { evidence } = await judge(`${fields.join("")}${plain}`, { lookup });
    expect(evidence).toContainEqual(expect.objectContaining({ check: "dkim", result: "not-run" }));
    expect(asked).toBeLessThan(3);
  });
});

describe("the author", () => {
  it("is nobody where a bare CR begins another From for some readers", async () => {
    const signed = await shop.sign(plain);
    const verdict = await judge(signed.replace("From: ", "X-A: b\rFrom: bob@shop.example\r\nFrom: "));
    expect(verdict).toMatchObject({ verdict: "spoofed", attributedTo: null });
  });

  it("is read with a quoted name, a comment or none, and in any case of its letters", async () => {
    for (const from of [
      ann,
      `<${ann}>`,
      `"Ann, of Shop" <${ann}>`,
      `Ann (sales) <ANN@Shop.example>`,
      `=?utf-8?q?Ann=2C?= <${ann}>`,
    ]) {
      const signed = await shop.sign(plain.replace(`Ann <${ann}>`, from));
      expect(await judge(signed)).toMatchObject({ verdict: "verified", attributedTo: ann });
    }
  });
});

describe("the mailbox's own server", () => {
  const hosted = { ...settings, trustedHop: { kind: "authserv-id", id: "mx.google.com" } } as const;
  const microsoft = { ...settings, internalDomains: ["shop.example"], trustedHop: { kind: "microsoft-365" } } as const;
  const gmail = [
    "Delivered-To: me@host.example",
    "Received: by 2002:a05:6402:1:b0:1 with SMTP id x1; Sun, 22 Nov 2026 02:00:00 -0800 (PST)",
    "Received: from mail.shop.example (mail.shop.example. [192.0.2.1]) by mx.google.com with ESMTPS id a1",
    "Authentication-Results: mx.google.com;",
    "       dkim=pass header.i=@shop.example header.s=s1 header.b=Ab/c+d==;",
    "       spf=pass (google.com: domain of ann@shop.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=ann@shop.example;",
    "       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.example",
    "",
  ].join("\r\n");
  const office = [
    "Received: from VI1P1.EURP1.PROD.OUTLOOK.COM by VI1P2.EURP1.PROD.OUTLOOK.COM with HTTPS; Sun, 22 Nov 2026 10:00:00 +0000",
    "Received: from mail.shop.example (192.0.2.1) by AM1.mail.protection.outlook.com (10.0.0.1) with SMTP; Sun, 22 Nov 2026 10:00:00 +0000",
    "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=shop.example;",
    " dkim=pass (signature was verified) header.d=shop.example;dmarc=pass action=none header.from=shop.example;compauth=pass reason=100",
    "",
  ].join("\r\n");

  it("is believed by its name, as Gmail writes it, where no key is at hand", async () => {
    const asked = { settings: hosted, lookup: null, from: ["ann@shop.example"] };
    expect(await judge(`${gmail}${plain}`, asked)).toMatchObject({ verdict: "verified", attributedTo: ann });
    expect(await judge(`${gmail}${plain}`, { lookup: null })).toMatchObject({ verdict: "unverified" });
  });

  it("is believed by its place, as Microsoft 365 writes it", async () => {
    const asked = { settings: { ...microsoft, internalDomains: [] }, lookup: null };
    expect(await judge(`${office}${plain}`, asked)).toMatchObject({ verdict: "verified", attributedTo: ann });
    const outside = office.replace("AM1.mail.protection.outlook.com", "mail.outlook.com.thief.example");
    expect(await judge(`${outside}${plain}`, asked)).toMatchObject({ verdict: "unverified" });
  });

  it("is not believed when it speaks of another author", async () => {
    const other = gmail.replace("header.from=shop.example", "header.from=thief.example");
    expect(await judge(`${other}${plain}`, { settings: hosted, lookup: null })).toMatchObject({
      verdict: "unverified",
    });
    const twice = gmail.replace("dmarc=pass", "dmarc=fail header.from=shop.example; dmarc=pass");
    expect(await judge(`${twice}${plain}`, { settings: hosted, lookup: null })).toMatchObject({
      verdict: "unverified",
    });
  });

  it("is not believed when the signature it names does not hold", async () => {
    const noSpf = gmail.replace("spf=pass", "spf=none");
    expect(await judge(`${noSpf}${plain}`, { settings: hosted })).toMatchObject({ verdict: "unverified" });
    expect(await judge(`${noSpf}${await shop.sign(plain)}`, { settings: hosted })).toMatchObject({
      verdict: "verified",
    });
  });

  it("proves colleagues: Exchange Online marks them, and takes the mark off what comes from outside", async () => {
    const received = office.split("\r\n").slice(0, 1).join("");
    const mark = "X-MS-Exchange-Organization-AuthAs: Internal\r\n";
    const asked = { settings: microsoft, lookup: null };
    expect(await judge(`${received}\r\n${mark}${plain}`, asked)).toMatchObject({
      verdict: "internal",
      attributedTo: ann,
    });
    expect(await judge(`${received}\r\n${mark}${mark}${plain}`, asked)).toMatchObject({ verdict: "unverified" });
    expect(await judge(`${received}\r\n${mark}${plain}`, { ...asked, settings: hosted })).toMatchObject({
      verdict: "unverified",
    });
    const strangers = { ...microsoft, internalDomains: ["other.example"] };
    expect(await judge(`${received}\r\n${mark}${plain}`, { ...asked, settings: strangers })).toMatchObject({
      verdict: "unverified",
    });
  });
});

describe("forwarders", () => {
  const results = "mx.list.example; dkim=pass header.d=shop.example; dmarc=pass (p=REJECT) header.from=shop.example";
  const forward = async () =>
    list.seal((await shop.sign(plain)).replace("Hello.", "Hello.\r\n-- \r\nthe list"), { i: 1, cv: "none", results });

  it("are believed by name only", async () => {
    const raw = await forward();
    const trusting = { ...settings, trustedSealers: ["list.example"] };
    expect(await judge(raw, { settings: trusting })).toMatchObject({ verdict: "verified", attributedTo: ann });
    expect(await judge(raw)).toMatchObject({ attributedTo: null });
  });

  it("are believed for what they sealed and for nothing added since", async () => {
    const trusting = { ...settings, trustedSealers: ["list.example"] };
    expect(await judge((await forward()).replace("the list", "the thief"), { settings: trusting })).toMatchObject({
      attributedTo: null,
    });
    const said = results.replace("dmarc=pass", "dmarc=fail");
    const failed = await list.seal(plain, { i: 1, cv: "none", results: said });
    expect(await judge(failed, { settings: trusting })).toMatchObject({ attributedTo: null });
  });
});

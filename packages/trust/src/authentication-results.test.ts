import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAuthenticationResults } from "./authentication-results.ts";

describe("parseAuthenticationResults", () => {
  it("makes no method of anything within a quoted string or a comment", () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, quoted) => {
        const escaped = text.replace(/[\\"()]/g, "\\$&");
        const inside = quoted ? `"${escaped}; dmarc=pass"` : `(${escaped}; dmarc=pass) x`;
        const results = parseAuthenticationResults(`mx.example; spf=fail smtp.mailfrom=${inside}; dkim=none`);
        expect(results?.methods.map(({ method, result }) => `${method}=${result}`)).toEqual(["spf=fail", "dkim=none"]);
      }),
    );
  });

  it("reads any text without throwing, and quickly", () => {
    const pieces = fc.constantFrom('"', "\\", "(", ")", ";", "=", " ", "a", "dmarc", "pass", "\t", "\u00e9");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 2_000 }), (parts) => {
        const results = parseAuthenticationResults(parts.join(""));
        expect(results === null || Array.isArray(results.methods)).toBe(true);
      }),
    );
    const began = performance.now();
    for (const piece of ["(", '"', "\\", "=", ";", "a=b ", '"a"', "= "])
      parseAuthenticationResults(piece.repeat(16_384 / piece.length));
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it("keeps what Fastmail and Gmail write of a policy", () => {
    const value =
      "mx6.messagingengine.com; dkim=pass (2048-bit rsa key sha256) header.d=a.example header.b=x/y+z== x-bits=2048; " +
      "dmarc=pass policy.published-domain-policy=reject (p=reject,d=none) policy.policy-from=p header.from=a.example; " +
      "spf=none smtp.mailfrom=";
    const dmarc = parseAuthenticationResults(value)?.methods.find(({ method }) => method === "dmarc");
    expect(dmarc?.properties.get("header.from")).toBe("a.example");
    expect(dmarc?.comments).toEqual(["p=reject,d=none"]);
  });
});

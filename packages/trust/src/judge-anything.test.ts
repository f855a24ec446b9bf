import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeSender } from "./judge-sender.ts";
import { LookupFailed } from "./txt-lookup.ts";

const line = fc.constantFrom(
  ...[
    "From: a@shop.example",
    "From: ",
    "from : <a@shop.example>",
    "\tfolded",
    "\r",
    "",
    "DKIM-Signature: v=1; d=;",
    "ARC-Seal: i=1",
  ],
  ...[
    "ARC-Message-Signature: i=1; a=rsa-sha256",
    "ARC-Authentication-Results: i=1; x",
    "Authentication-Results: mx; dmarc=pass",
  ],
  ...[
    "DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s; h=from; bh=; b=",
    "\u00a0From: a@shop.example",
    "Received: by mx",
  ],
);

describe("judgeSender", () => {
  it("answers whatever the bytes are, and without a key proves nobody", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.constantFrom("\r\n", "\n", "\r"), async (lines, end) => {
        const verdict = await judgeSender({
          ...{ raw: Buffer.from(lines.join(end), "latin1"), from: ["a@shop.example"], receivedAt: new Date(0) },
          settings: {
            ...{ trustedHop: { kind: "none" }, internalDomains: [], trustedSealers: ["shop.example"] },
            allowList: ["a@shop.example"],
          },
          lookup: () => Promise.reject(new LookupFailed("ENOTFOUND")),
        });
        expect(verdict.attributedTo).toBeNull();
        expect(["spoofed", "unverified"]).toContain(verdict.verdict);
      }),
    );
  });
});

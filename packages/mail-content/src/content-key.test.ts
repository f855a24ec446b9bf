import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentKey } from "./content-key.ts";
import { sha256, sha256Passing } from "./sha256.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const key = (identity: Parameters<typeof contentKey>[0]) => hex(contentKey(identity));

describe("contentKey", () => {
  const rawSha256 = sha256(Buffer.from("message"));

  it("is 32 bytes that stay the same from release to release", () => {
    expect(key({ providerId: "gm:1", messageIdHeader: "<a@b>", rawSha256 })).toBe(
      "a9ad498626067628fbdbc1e4bf8a6cd434408215b2d46312d0dd590d2389ae0f",
    );
    expect(key({ providerId: null, messageIdHeader: "<a@b>", rawSha256 })).toBe(
      "033776dfb43f937fe614d0b6abc9ea31f20c35f6b611ee877ef6bbbf57cbf239",
    );
  });

  it("takes the provider's word where there is one, whatever became of the bytes", () => {
    const other = sha256(Buffer.from("rewritten"));
    expect(key({ providerId: "gm:1", messageIdHeader: "<a@b>", rawSha256 })).toBe(
      key({ providerId: "gm:1", messageIdHeader: null, rawSha256: other }),
    );
  });

  it("differs when the bytes do, so a copied Message-ID hides nothing", () => {
    const other = sha256(Buffer.from("forged"));
    expect(key({ providerId: null, messageIdHeader: "<a@b>", rawSha256 })).not.toBe(
      key({ providerId: null, messageIdHeader: "<a@b>", rawSha256: other }),
    );
  });

  it("is one for one identity only", () => {
    const identity = fc.record({
      providerId: fc.option(fc.string({ maxLength: 4 })),
      messageIdHeader: fc.option(fc.stringMatching(/^<[ab@]{0,3}>$/)),
      rawSha256: fc.constantFrom("x", "y").map((text) => sha256(Buffer.from(text))),
    });
    const same = (identity: Parameters<typeof contentKey>[0]) =>
      identity.providerId === null ? [identity.messageIdHeader, hex(identity.rawSha256)] : [identity.providerId];
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        expect(key(a) === key(b)).toBe(JSON.stringify(same(a)) === JSON.stringify(same(b)));
      }),
    );
  });
});

describe("sha256", () => {
  it("is the digest of FIPS 180-4", () => {
    expect(hex(sha256(Buffer.from("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("is the same for bytes that pass in pieces, and every byte passes", async () => {
    const whole = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
    async function* pieces() {
      for (let at = 0; at < whole.length; at += 333) yield whole.subarray(at, at + 333);
    }
    const passing = sha256Passing(pieces());
    const passed: Uint8Array[] = [];
    for await (const chunk of passing.bytes) passed.push(chunk);
    expect(Buffer.concat(passed).equals(whole)).toBe(true);
    expect(passing.sizeBytes()).toBe(10_000);
    expect(hex(passing.digest())).toBe(hex(sha256(whole)));
  });
});

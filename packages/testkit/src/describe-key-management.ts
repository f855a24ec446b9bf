import { type KeyContext, type KeyManagement, newId, TenantId, type WrappedKey } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

export type KeyManagementFixture = {
  /** Each call is a process of its own with the same wrapping key. */
  open(): Promise<KeyManagement>;
  /** The same kind of service with another wrapping key. */
  openAnother(): Promise<KeyManagement>;
  close?(): Promise<void>;
};

const never = { signal: new AbortController().signal };
const unreadable = { name: "OperationalError", code: "credential.unreadable" };

/** What every KeyManagement promises. An adapter's test file is one call to this. */
export function describeKeyManagement(name: string, start: () => Promise<KeyManagementFixture>): void {
  describe(`${name} is a KeyManagement`, () => {
    const tenant = newId(TenantId);
    const context: KeyContext = { owner: tenant, purpose: "credentials", version: 1 };
    let fixture: KeyManagementFixture;
    let keys: KeyManagement;
    beforeAll(async () => {
      fixture = await start();
      keys = await fixture.open();
    });
    afterAll(async () => fixture.close?.());

    it("unwraps what it wrapped, as 32 bytes", async () => {
      const { plaintext, wrapped } = await keys.createDataKey(context, never);
      expect(plaintext).toHaveLength(32);
      expect(hex(await keys.unwrap(wrapped, context, never))).toBe(hex(plaintext));
    });

    it("unwraps after a restart what an earlier process wrapped", async () => {
      const { plaintext, wrapped } = await keys.createDataKey(context, never);
      const later = await fixture.open();
      const stored: WrappedKey = { keyId: wrapped.keyId, ciphertext: Uint8Array.from(wrapped.ciphertext) };
      expect(hex(await later.unwrap(stored, context, never))).toBe(hex(plaintext));
    });

    it("never makes the same key twice, and never shows it in the wrapped form", async () => {
      const made = await Promise.all(Array.from({ length: 20 }, () => keys.createDataKey(context, never)));
      expect(new Set(made.map(({ plaintext }) => hex(plaintext))).size).toBe(20);
      for (const { plaintext, wrapped } of made) expect(hex(wrapped.ciphertext)).not.toContain(hex(plaintext));
    });

    it("wraps for the fleet itself as for a tenant", async () => {
      const fleet: KeyContext = { owner: "fleet", purpose: "signing", version: 3 };
      const { plaintext, wrapped } = await keys.createDataKey(fleet, never);
      expect(hex(await keys.unwrap(wrapped, fleet, never))).toBe(hex(plaintext));
    });

    it.each<[string, Partial<KeyContext>]>([
      ["owner", { owner: newId(TenantId) }],
      ["owner, the fleet instead of a tenant", { owner: "fleet" }],
      ["purpose", { purpose: "content" }],
      ["version", { version: 2 }],
    ])("a key moved to another %s does not open", async (_, change) => {
      const { wrapped } = await keys.createDataKey(context, never);
      await expect(keys.unwrap(wrapped, { ...context, ...change }, never)).rejects.toMatchObject(unreadable);
    });

    it("a ciphertext with any one byte changed does not open", async () => {
      const { wrapped } = await keys.createDataKey(context, never);
      const changed = Array.from(wrapped.ciphertext, (byte, at) => wrapped.ciphertext.with(at, byte ^ 0x01));
      await allUnreadable(keys, context, changed, wrapped.keyId);
    });

    it("a ciphertext cut short or made longer does not open", async () => {
      const { ciphertext, keyId } = (await keys.createDataKey(context, never)).wrapped;
      const cut = Array.from(ciphertext, (_, length) => ciphertext.slice(0, length));
      const longer = [
        Uint8Array.from([...ciphertext, 0]),
        Uint8Array.from([...ciphertext, ...ciphertext]),
        new Uint8Array(10_000),
      ];
      await allUnreadable(keys, context, [...cut, ...longer], keyId);
    });

    it("a wrapped key that names another wrapping key does not open, in either direction", async () => {
      const another = await fixture.openAnother();
      const ours = (await keys.createDataKey(context, never)).wrapped;
      const theirs = (await another.createDataKey(context, never)).wrapped;
      expect(ours.keyId).not.toBe(theirs.keyId);
      await expect(keys.unwrap({ ...theirs, keyId: ours.keyId }, context, never)).rejects.toMatchObject(unreadable);
      await expect(keys.unwrap({ ...ours, keyId: theirs.keyId }, context, never)).rejects.toMatchObject(unreadable);
    });

    it("hands out copies, so that a holder who overwrites one harms nobody", async () => {
      const { plaintext, wrapped } = await keys.createDataKey(context, never);
      const expected = hex(plaintext);
      plaintext.fill(0);
      const first = await keys.unwrap(wrapped, context, never);
      expect(hex(first)).toBe(expected);
      first.fill(0);
      expect(hex(await keys.unwrap(wrapped, context, never))).toBe(expected);
    });

    it("wraps a key that another one had wrapped, in the same context and no other, and leaves the key as it is", async () => {
      const another = await fixture.openAnother();
      const { plaintext } = await another.createDataKey(context, never);
      const expected = hex(plaintext);
      const wrapped = await keys.wrap(plaintext, context, never);
      expect(wrapped.keyId).toBe((await keys.createDataKey(context, never)).wrapped.keyId);
      expect(hex(plaintext)).toBe(expected);
      plaintext.fill(0);
      expect(hex(await keys.unwrap(wrapped, context, never))).toBe(expected);
      await expect(keys.unwrap(wrapped, { ...context, version: 2 }, never)).rejects.toMatchObject(unreadable);
    });

    it("does nothing for a caller who has already left", async () => {
      const { wrapped } = await keys.createDataKey(context, never);
      const reason = new Error("the caller left");
      const left = { signal: AbortSignal.abort(reason) };
      await expect(keys.createDataKey(context, left)).rejects.toBe(reason);
      await expect(keys.unwrap(wrapped, context, left)).rejects.toBe(reason);
      await expect(keys.wrap(new Uint8Array(32), context, left)).rejects.toBe(reason);
    });
  });
}

async function allUnreadable(
  keys: KeyManagement,
  context: KeyContext,
  ciphertexts: readonly Uint8Array[],
  keyId: string,
): Promise<void> {
  expect(ciphertexts.length).toBeGreaterThan(0);
  for (const ciphertext of ciphertexts) {
    await expect(keys.unwrap({ keyId, ciphertext }, context, never)).rejects.toMatchObject(unreadable);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

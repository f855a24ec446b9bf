import { inspect } from "node:util";
import { newId, OperationalError, TenantId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binding, never, secret, text, unreadable, vaultOverMemory } from "../test/vault-over-memory.ts";
import type { SealBinding, Vault } from "./create-vault.ts";

function read(vault: Vault, grant: Grant, what: SealBinding, sealed: Uint8Array): Promise<string> {
  return vault.use(grant, what, sealed, async (plaintext) => new TextDecoder().decode(plaintext), never);
}

/** Fails when `fn` runs: then a plaintext got out that should not have. */
async function doesNotOpen(vault: Vault, grant: Grant, what: SealBinding, sealed: Uint8Array): Promise<void> {
  const opening = vault.use(grant, what, sealed, async () => "opened", never);
  await expect(opening).rejects.toMatchObject(unreadable);
}

describe("a sealed value", () => {
  it.each([0, 1, 28, 100_000])("of %i bytes opens as it was, for the owner it was sealed for", async (length) => {
    const { vault, grant } = await vaultOverMemory();
    const plaintext = new Uint8Array(length).map((_, index) => index % 251);
    const sealed = await vault.seal(grant, binding, plaintext, never);
    expect(sealed).toHaveLength(1 + 4 + 12 + length + 16);
    await vault.use(grant, binding, sealed, async (opened) => expect(Buffer.compare(opened, plaintext)).toBe(0), never);
  });

  it("opens in another process, and for the fleet itself", async () => {
    const { vault, open, grants } = await vaultOverMemory();
    const fleet = await grants.fleet();
    const sealed = await vault.seal(fleet, { purpose: "signing", record: "key:1" }, secret, never);
    expect(await read(open(), fleet, { purpose: "signing", record: "key:1" }, sealed)).toBe(text);
  });

  it("is never the same twice, and does not contain the plaintext", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await Promise.all(Array.from({ length: 50 }, () => vault.seal(grant, binding, secret, never)));
    expect(new Set(sealed.map((bytes) => Buffer.from(bytes).toString("hex"))).size).toBe(50);
    for (const bytes of sealed) expect(Buffer.from(bytes).includes(secret)).toBe(false);
  });

  it("opens wherever it lies inside a larger buffer", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const larger = Buffer.concat([Buffer.alloc(7, 9), sealed, Buffer.alloc(5, 9)]);
    expect(await read(vault, grant, binding, larger.subarray(7, -5))).toBe(text);
  });

  it("never opens with any bit of it changed", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const at = bit >> 3;
      await doesNotOpen(vault, grant, binding, sealed.with(at, (sealed[at] ?? 0) ^ (1 << (bit & 7))));
    }
  });

  it("never opens cut short at any length, or made longer", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    for (let length = 0; length < sealed.length; length += 1) {
      await doesNotOpen(vault, grant, binding, sealed.slice(0, length));
      await doesNotOpen(vault, grant, binding, sealed.slice(sealed.length - length));
    }
    await doesNotOpen(vault, grant, binding, Uint8Array.from([...sealed, 0]));
  });

  it("never opens after random damage, nor do random bytes", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const damage = fc.array(fc.tuple(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const damaged = changes.reduce((bytes, [at, mask]) => bytes.with(at, (bytes[at] ?? 0) ^ mask), sealed);
        fc.pre(Buffer.compare(damaged, sealed) !== 0);
        await doesNotOpen(vault, grant, binding, damaged);
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => doesNotOpen(vault, grant, binding, bytes)),
    );
  });

  it("never opens anywhere but where it was sealed: not for another owner, purpose or record", async () => {
    const { vault, grants } = await vaultOverMemory();
    const tenants = [newId(TenantId), newId(TenantId)];
    const owners: Grant[] = [await grants.fleet()];
    for (const tenantId of tenants) owners.push(await grants.tenant(tenantId));
    const place = fc.record({
      owner: fc.nat(owners.length - 1),
      purpose: fc.constantFrom("credentials", "content", "signing"),
      record: fc.oneof(fc.constantFrom("a", "a:1", "a:", ":a", ""), fc.string({ unit: "grapheme" })),
    });
    await fc.assert(
      fc.asyncProperty(place, place, async (from, to) => {
        const [sealer, opener] = [owners[from.owner], owners[to.owner]];
        if (sealer === undefined || opener === undefined) throw new Error("an owner is missing");
        const sealed = await vault.seal(sealer, from, secret, never);
        const same = from.owner === to.owner && from.purpose === to.purpose && from.record === to.record;
        if (same) expect(await read(vault, opener, to, sealed)).toBe(text);
        else await doesNotOpen(vault, opener, to, sealed);
      }),
      { numRuns: 300 },
    );
  });

  it("never opens under another version of its key, even when its header says so", async () => {
    const { vault, grant, rows, service, tenantId } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const { wrapped } = await service.createDataKey({ owner: tenantId, purpose: "credentials", version: 2 }, never);
    rows.put(tenantId, { purpose: "credentials", version: 2, wrapped, createdAt: new Date(), destroyedAt: null });
    await doesNotOpen(vault, grant, binding, sealed.with(4, 2));
    expect(await read(vault, grant, binding, sealed)).toBe(text);
  });

  it("does not open when the key row was replaced by another tenant's, or by a later version's", async () => {
    const { vault, open, grant, grants, rows, service, tenantId } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const other = newId(TenantId);
    await vault.seal(await grants.tenant(other), binding, secret, never);
    rows.put(tenantId, rows.get(other, "credentials", 1));
    await doesNotOpen(open(), grant, binding, sealed);

    const { wrapped } = await service.createDataKey({ owner: tenantId, purpose: "credentials", version: 2 }, never);
    rows.put(tenantId, { purpose: "credentials", version: 1, wrapped, createdAt: new Date(), destroyedAt: null });
    await doesNotOpen(open(), grant, binding, sealed);
  });

  it("does not open when its key row is gone", async () => {
    const { vault, grant, open } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    await doesNotOpen(open(), grant, binding, sealed.with(4, 9));
  });

  it("is not made for a record that could be taken for another", async () => {
    const { vault, grant } = await vaultOverMemory();
    await expect(vault.seal(grant, { ...binding, record: "\ud800" }, secret, never)).rejects.toThrow(TypeError);
  });
});

describe("a plaintext", () => {
  it("is overwritten once fn has returned", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const kept = await vault.use(
      grant,
      binding,
      sealed,
      async (plaintext) => {
        await Promise.resolve();
        expect(Buffer.compare(plaintext, secret)).toBe(0);
        return plaintext;
      },
      never,
    );
    expect(Buffer.compare(kept, Buffer.alloc(secret.length))).toBe(0);
  });

  it("is overwritten when fn throws, and the error comes through", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    let kept: Uint8Array = new Uint8Array();
    const failure = new Error("the exchange failed");
    const fn = async (plaintext: Uint8Array) => {
      kept = plaintext;
      throw failure;
    };
    await expect(vault.use(grant, binding, sealed, fn, never)).rejects.toBe(failure);
    expect(Buffer.compare(kept, Buffer.alloc(secret.length))).toBe(0);
  });

  it("cannot be had any other way", async () => {
    const { vault } = await vaultOverMemory();
    expect(Object.keys(vault).sort()).toEqual(["close", "derive", "forget", "seal", "use"]);
  });

  it("stands in no error", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const failure = await read(vault, grant, { ...binding, record: "elsewhere" }, sealed).catch(
      (error: unknown) => error,
    );
    const shown = inspect(failure, { depth: 9, showHidden: true });
    expect(failure).toBeInstanceOf(OperationalError);
    for (const hidden of ["correct horse", binding.record, "elsewhere"]) expect(shown).not.toContain(hidden);
  });
});

describe("a grant", () => {
  it("that has expired opens nothing, seals nothing and asks for no key", async () => {
    const { vault, grant, pass, rows, service } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    vault.forget(grant.tenantId);
    const before = [{ ...rows.reads }, { ...service.calls }];
    pass(60_000);
    const expired = { code: "grant.expired" };
    await expect(vault.use(grant, binding, sealed, async () => "opened", never)).rejects.toMatchObject(expired);
    await expect(vault.seal(grant, binding, secret, never)).rejects.toMatchObject(expired);
    expect([rows.reads, service.calls]).toEqual(before);
  });

  it("that the gate did not make is refused", async () => {
    const { vault, grant } = await vaultOverMemory();
    const sealed = await vault.seal(grant, binding, secret, never);
    const forged = Object.create(grant, { tenantId: { value: grant.tenantId } }) as Grant;
    await expect(vault.use(forged, binding, sealed, async () => "opened", never)).rejects.toMatchObject({
      code: "gate.denied",
    });
  });
});

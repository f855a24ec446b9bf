import { type KeyManagement, type KeyPurpose, newId, OperationalError, TenantId } from "@mailfleet/domain";
import type { MemoryKeyManagement } from "@mailfleet/testkit";
import { describe, expect, it } from "vitest";
import type { MemoryTenantKeyRows } from "../test/memory-tenant-key-rows.ts";
import { binding, never, secret, text, unreadable, vaultOverMemory } from "../test/vault-over-memory.ts";
import { createVault } from "./create-vault.ts";

/** A new version beside the old one, as a rotation leaves it. */
async function rotate(
  rows: MemoryTenantKeyRows,
  service: MemoryKeyManagement,
  owner: TenantId,
  purpose: KeyPurpose,
  version: number,
) {
  const { wrapped } = await service.createDataKey({ owner, purpose, version }, never);
  rows.put(owner, { purpose, version, wrapped, createdAt: new Date(), destroyedAt: null });
}

describe("a data key", () => {
  it("is unwrapped once for 200 uses of a cold key at the same time, with one look at its row", async () => {
    const { read, open, service, rows } = await vaultOverMemory();
    const cold = open();
    const before = { unwrap: service.calls.unwrap, find: rows.reads.find };
    service.pause();
    const uses = Array.from({ length: 200 }, () => read(never.signal, cold));
    service.resume();
    expect(await Promise.all(uses)).toEqual(Array.from({ length: 200 }, () => text));
    expect([service.calls.unwrap - before.unwrap, rows.reads.find - before.find]).toEqual([1, 1]);
  });

  it("is made once for 200 first seals at the same time, and is overwritten where it was made", async () => {
    const { grants, vault, service, rows, liveKeys } = await vaultOverMemory();
    const grant = await grants.tenant(newId(TenantId));
    const before = { made: service.calls.createDataKey, inserts: rows.inserts };
    await Promise.all(Array.from({ length: 200 }, () => vault.seal(grant, binding, secret, never)));
    expect([service.calls.createDataKey - before.made, rows.inserts - before.inserts]).toEqual([1, 1]);
    expect(liveKeys()).toBe(2); // the one of `vaultOverMemory` and this one, each held once
  });

  it("is the one that stands when two processes make the first at the same time", async () => {
    const { grants, open } = await vaultOverMemory();
    const grant = await grants.tenant(newId(TenantId));
    const [here, there] = [open(), open()];
    const [ours, theirs] = await Promise.all([
      here.seal(grant, binding, secret, never),
      there.seal(grant, binding, secret, never),
    ]);
    const fn = async (plaintext: Uint8Array) => new TextDecoder().decode(plaintext);
    for (const vault of [here, there, open()]) {
      for (const sealed of [ours, theirs]) {
        expect(await vault.use(grant, binding, sealed, fn, never)).toBe(text);
      }
    }
  });

  it("is kept for its time, without another look at rows or service", async () => {
    const { read, pass, service, rows } = await vaultOverMemory({ cacheTtlMs: 10_000 });
    const before = { reads: { ...rows.reads }, calls: { ...service.calls } };
    for (let count = 0; count < 9; count += 1) {
      pass(1_000);
      await read();
    }
    expect({ reads: rows.reads, calls: service.calls }).toEqual(before);
    pass(1_000);
    await read();
    expect(service.calls.unwrap).toBe(before.calls.unwrap + 1);
  });

  it("is overwritten when its time is over and another takes its place", async () => {
    const { read, pass, keysSeen, liveKeys } = await vaultOverMemory({ cacheTtlMs: 1_000 });
    pass(1_000);
    await read();
    expect(keysSeen.length).toBe(3);
    expect(liveKeys()).toBe(1);
  });

  it("is overwritten when it makes room: never more in memory than the bound", async () => {
    const { vault, grants, keysSeen, liveKeys } = await vaultOverMemory({ cacheSizeMax: 4 });
    for (let count = 0; count < 20; count += 1) {
      await vault.seal(await grants.tenant(newId(TenantId)), binding, secret, never);
      expect(liveKeys()).toBeLessThanOrEqual(4);
    }
    expect(keysSeen.length).toBe(42);
    expect(liveKeys()).toBe(4);
  });

  it("is never overwritten under an operation, however small the bound", async () => {
    const { vault, grants, liveKeys } = await vaultOverMemory({ cacheSizeMax: 1 });
    const tenants = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const grant = await grants.tenant(newId(TenantId));
        return { grant, sealed: await vault.seal(grant, binding, secret, never) };
      }),
    );
    const uses = Array.from({ length: 400 }, async (_, index) => {
      const { grant, sealed } = tenants[index % 8] ?? expect.fail();
      return vault.use(grant, binding, sealed, async (plaintext) => Buffer.compare(plaintext, secret), never);
    });
    expect(new Set(await Promise.all(uses))).toEqual(new Set([0]));
    expect(liveKeys()).toBe(1);
  });

  it("is overwritten by forget, and only that owner's is", async () => {
    const { vault, grants, tenantId, liveKeys, read, service } = await vaultOverMemory();
    await vault.seal(await grants.tenant(newId(TenantId)), binding, secret, never);
    expect(liveKeys()).toBe(2);
    vault.forget(tenantId);
    expect(liveKeys()).toBe(1);
    const before = service.calls.unwrap;
    await read();
    expect(service.calls.unwrap).toBe(before + 1);
  });

  it("is overwritten by close, after which the vault refuses", async () => {
    const { vault, liveKeys, read, grant } = await vaultOverMemory();
    await vault.close();
    expect(liveKeys()).toBe(0);
    await expect(read()).rejects.toThrow("the vault is closed");
    await expect(vault.seal(grant, binding, secret, never)).rejects.toThrow("the vault is closed");
    await vault.close();
  });

  it("that was on its way is overwritten too: close waits for it", async () => {
    const { open, read, service, keysSeen } = await vaultOverMemory();
    const cold = open();
    service.pause();
    const using = read(never.signal, cold).catch((error: unknown) => error);
    await cold.close();
    service.resume();
    expect(await using).toMatchObject({ message: "the vault is closed" });
    expect(keysSeen.length).toBe(2); // none came after
  });

  it("once destroyed opens nothing and seals nothing: at once after forget, within the cache's time otherwise", async () => {
    const { vault, open, rows, tenantId, grant, read, pass } = await vaultOverMemory({ cacheTtlMs: 5_000 });
    const other = open();
    await read(never.signal, other);
    rows.put(tenantId, { ...rows.get(tenantId, "credentials", 1), destroyedAt: new Date() });
    vault.forget(tenantId);
    await expect(read()).rejects.toMatchObject(unreadable);
    await expect(vault.seal(grant, binding, secret, never)).rejects.toMatchObject(unreadable);
    pass(5_000);
    await expect(read(never.signal, other)).rejects.toMatchObject(unreadable);
  });

  it("that was destroyed while it was being unwrapped is not kept", async () => {
    const { open, rows, tenantId, read, service, liveKeys } = await vaultOverMemory();
    const cold = open();
    service.pause();
    const using = read(never.signal, cold);
    while (service.calls.unwrap < 2) await Promise.resolve(); // until the row has been read and the service is asked
    rows.put(tenantId, { ...rows.get(tenantId, "credentials", 1), destroyedAt: new Date() });
    cold.forget(tenantId);
    service.resume();
    await using; // it began before; what begins now finds the key destroyed
    expect(liveKeys()).toBe(1);
    await expect(read(never.signal, cold)).rejects.toMatchObject(unreadable);
  });

  it("of a new version seals what comes, and the old one still opens what was", async () => {
    const { vault, rows, service, tenantId, grant, read } = await vaultOverMemory();
    await rotate(rows, service, tenantId, "credentials", 2);
    vault.forget(tenantId);
    const sealed = await vault.seal(grant, binding, secret, never);
    expect(sealed[4]).toBe(2);
    expect(await vault.use(grant, binding, sealed, async (plaintext) => plaintext.length, never)).toBe(secret.length);
    expect(await read()).toBe(text);
  });

  it("that does not come says why, to all who waited, and is asked for again the next time", async () => {
    const { open, read, service } = await vaultOverMemory();
    const cold = open();
    service.failWith(new OperationalError("key.unavailable", "the service is down"));
    const waited = await Promise.allSettled(Array.from({ length: 20 }, () => read(never.signal, cold)));
    for (const outcome of waited)
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "key.unavailable" } });
    service.failWith(null);
    expect(await read(never.signal, cold)).toBe(text);
  });

  it("that is not 32 bytes is not used", async () => {
    const { rows, grant, sealed, service } = await vaultOverMemory();
    const management: KeyManagement = { ...service, unwrap: async () => new Uint8Array(16).fill(7) };
    const odd = createVault({
      keys: rows,
      management,
      now: () => new Date("2026-01-01"),
      cacheSizeMax: 1,
      cacheTtlMs: 1,
    });
    await expect(odd.use(grant, binding, sealed, async () => "opened", never)).rejects.toMatchObject(unreadable);
  });
});

describe("a caller who leaves", () => {
  it("leaves alone: the others get the key that was asked for", async () => {
    const { open, read, service } = await vaultOverMemory();
    const cold = open();
    const before = service.calls.unwrap;
    service.pause();
    const leave = new AbortController();
    const reason = new Error("the caller left");
    const first = read(leave.signal, cold);
    const others = Array.from({ length: 5 }, () => read(never.signal, cold));
    leave.abort(reason);
    await expect(first).rejects.toBe(reason);
    service.resume();
    expect(await Promise.all(others)).toEqual([text, text, text, text, text]);
    expect(service.calls.unwrap).toBe(before + 1);
  });

  it("ends the request when nobody is left to wait for it, and the next caller starts anew", async () => {
    const { open, read, service } = await vaultOverMemory();
    const cold = open();
    service.pause();
    const leave = new AbortController();
    const waiting = [read(leave.signal, cold), read(leave.signal, cold)];
    leave.abort(new Error("the caller left"));
    for (const outcome of await Promise.allSettled(waiting)) expect(outcome.status).toBe("rejected");
    const next = read(never.signal, cold);
    service.resume();
    expect(await next).toBe(text);
  });
});

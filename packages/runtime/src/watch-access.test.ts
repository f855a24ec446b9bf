import { type AccessChange, ActorId, MailboxId, newId, TenantId } from "@mailfleet/domain";
import { afterEach, describe, expect, it } from "vitest";
import { type AccessWatch, watchAccess } from "./watch-access.ts";

const [tenantId, otherTenantId] = [newId(TenantId), newId(TenantId)];
const [mailboxId, otherMailboxId] = [newId(MailboxId), newId(MailboxId)];
const [actorId, otherActorId] = [newId(ActorId), newId(ActorId)];
const change: AccessChange = { tenantId, mailboxId: null, actorId: null, cause: "tenant-closed" };

let watch: AccessWatch | undefined;
afterEach(() => watch?.close());

/** A watch whose news is told at once. */
async function begin(reading: { fail?: boolean } = {}) {
  const news: AccessChange[] = [];
  const errors: unknown[] = [];
  let wake = () => {};
  const read = async () => {
    if (reading.fail === true) throw new Error("no database");
    return news.splice(0);
  };
  const onChange = async (listener: () => void) => {
    wake = listener;
    return { close: async () => {} };
  };
  watch = await watchAccess({ read, onChange, onError: (error) => errors.push(error) });
  const tell = (...changes: readonly AccessChange[]) => {
    news.push(...changes);
    wake();
  };
  return { watch, tell, errors };
}

describe("watchAccess", () => {
  it.each<[string, AccessChange, boolean]>([
    ["its tenant is closed", change, true],
    ["its mailbox is closed", { ...change, mailboxId, cause: "mailbox-closed" }, true],
    ["its credential is destroyed", { ...change, mailboxId, cause: "credential-destroyed" }, true],
    ["its actor is revoked", { ...change, actorId, cause: "actor-revoked" }, true],
    ["its credential is replaced", { ...change, mailboxId, cause: "credential-rotated" }, false],
    ["another tenant is closed", { ...change, tenantId: otherTenantId }, false],
    ["another mailbox is closed", { ...change, mailboxId: otherMailboxId, cause: "mailbox-closed" }, false],
    ["another actor is revoked", { ...change, actorId: otherActorId, cause: "actor-revoked" }, false],
  ])("when %s, work ends: %s", async (_, told, ends) => {
    const { watch, tell } = await begin();
    const heard: AccessChange[] = [];
    watch.onAccessChange((each) => heard.push(each));
    const { signal } = watch.hold({ tenantId, mailboxId, actorId });
    tell(told);
    await expect.poll(() => heard).toEqual([told]); // whoever keeps connections or tokens hears all of it
    expect(signal.aborted).toBe(ends);
    if (ends) expect(signal.reason).toMatchObject({ code: "gate.denied" });
  });

  it("lets go of work that has ended", async () => {
    const { watch, tell } = await begin();
    const heard: AccessChange[] = [];
    watch.onAccessChange((each) => heard.push(each));
    const { signal, release } = watch.hold({ tenantId, mailboxId });
    release();
    tell(change);
    await expect.poll(() => heard.length).toBe(1);
    expect(signal.aborted).toBe(false);
  });

  it("goes on when a reading fails, and tells of it", async () => {
    const reading = { fail: false };
    const { watch, tell, errors } = await begin(reading);
    const { signal } = watch.hold({ tenantId, mailboxId });
    reading.fail = true;
    tell(change);
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    reading.fail = false;
    await expect.poll(() => signal.aborted, { timeout: 5_000 }).toBe(true);
  });

  it("does not begin unwatched: no first reading, no watch", async () => {
    await expect(begin({ fail: true })).rejects.toThrow("no database");
  });
});

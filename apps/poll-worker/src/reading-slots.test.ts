import { newId, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { createReadingSlots } from "./reading-slots.ts";

const never = new AbortController().signal;

describe("slots for reading", () => {
  it("let a tenant with one mailbox read after one turn, whoever else waits with many", async () => {
    const slots = createReadingSlots(1);
    const [big, small] = [newId(TenantId), newId(TenantId)];
    const order: string[] = [];
    const read = async (name: string, tenantId: TenantId) => {
      const give = await slots.take(tenantId, never);
      order.push(name);
      await Promise.resolve();
      give();
    };
    await Promise.all([
      ...["big 1", "big 2", "big 3", "big 4"].map((name) => read(name, big)),
      read("small", small),
      read("big 5", big),
    ]);
    expect(order).toEqual(["big 1", "big 2", "small", "big 3", "big 4", "big 5"]);
  });

  it("are never more than there are, nor fewer after a poll gave its own back twice or left the line", async () => {
    const slots = createReadingSlots(2);
    const tenantId = newId(TenantId);
    const [first, second] = [await slots.take(tenantId, never), await slots.take(tenantId, never)];
    const stopping = new AbortController();
    const left = slots.take(tenantId, stopping.signal);
    let admitted = 0;
    const next = Array.from({ length: 3 }, () =>
      slots.take(tenantId, never).then((give) => {
        admitted += 1;
        return give;
      }),
    );
    stopping.abort(new Error("stopping"));
    await expect(left).rejects.toThrow("stopping");
    first();
    first();
    await next[0];
    expect(admitted).toBe(1);
    second();
    await next[1];
    expect(admitted).toBe(2);
    (await next[0])?.();
    await next[2];
    expect(admitted).toBe(3);
  });

  it("are not given to a poll that is over", async () => {
    const slots = createReadingSlots(1);
    await expect(slots.take(newId(TenantId), AbortSignal.abort(new Error("over")))).rejects.toThrow("over");
    await slots.take(newId(TenantId), never);
  });
});

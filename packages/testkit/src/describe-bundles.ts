import { discard, done, type JobHandler, type PollMailbox } from "@mailfleet/queue-contracts";
import { describe, expect, it } from "vitest";
import { newContract, newGate, newPayloads, openSuite, type QueueFixture } from "./queue-suite.ts";

/** What a JobQueue promises of payloads that travel together (`bundleMax`): nobody who handles one can tell. */
export function describeBundles(name: string, fixture: QueueFixture): void {
  describe(`${name} carries bundles`, () => {
    const suite = openSuite(fixture);
    const bundled = (bundleMax = 8) => ({ ...newContract(), shardsCount: 1, bundleMax });

    it("hands every payload to a handler once, with an ending of its own, and counts payloads and not jobs", async () => {
      const contract = bundled();
      const payloads = newPayloads(50);
      const handled: string[] = [];
      await suite.queue.offer(contract, payloads);
      expect(await suite.queue.waitingCount(contract)).toBe(50);
      const worker = suite.start(contract, async ({ mailboxId, epoch }) => {
        handled.push(mailboxId);
        return epoch === 7 ? discard("not ours") : done;
      });
      await expect.poll(() => worker.endings.length).toBe(50);
      await worker.close();
      expect(handled).toHaveLength(50);
      expect(new Set(handled)).toEqual(new Set(payloads.map(({ mailboxId }) => mailboxId)));
      expect(new Map(worker.endings.map(({ jobId, outcome }) => [jobId, outcome.kind]))).toEqual(
        new Map(payloads.map((payload) => [contract.jobId(payload), payload.epoch === 7 ? "discard" : "done"])),
      );
      expect(await suite.queue.waitingCount(contract)).toBe(0);
      expect({ errors: worker.errors, bad: worker.bad }).toEqual({ errors: [], bad: [] });
    });

    it("handles at most `concurrency` payloads at once, and takes no bundle while there is no place", async () => {
      const contract = bundled(4);
      const gate = newGate();
      suite.cleaning.push(async () => gate.open());
      let running = 0;
      let most = 0;
      await suite.queue.offer(contract, newPayloads(40));
      const handle: JobHandler<PollMailbox> = async () => {
        running += 1;
        most = Math.max(most, running);
        await gate.opened;
        running -= 1;
        return done;
      };
      const worker = suite.start(contract, handle, { concurrency: 6 });
      await expect.poll(() => running).toBe(6);
      expect(await suite.queue.waitingCount(contract)).toBeGreaterThanOrEqual(40 - 6 * 4);
      gate.open();
      await expect.poll(() => worker.endings.length).toBe(40);
      expect(most).toBe(6);
    });

    it("lets one payload that takes long hold back none that lies beside it, and no other bundle", async () => {
      const contract = bundled(4);
      const gate = newGate();
      suite.cleaning.push(async () => gate.open());
      const payloads = newPayloads(20);
      await suite.queue.offer(contract, payloads);
      const worker = suite.start(
        contract,
        async (payload) => {
          if (payload.epoch === 0) await gate.opened;
          return done;
        },
        { concurrency: 2 },
      );
      await expect.poll(() => worker.endings.length).toBe(19);
      gate.open();
      await expect.poll(() => worker.endings.length).toBe(20);
    });

    it("reports a payload that throws and one that breaks the contract, and handles those beside them", async () => {
      const contract = bundled();
      const [failing, good] = newPayloads(2);
      const failure = new Error("the handler failed");
      const bad = { mailboxId: "canary-value", epoch: 1 };
      await suite.opened.offerUnchecked(contract, "stranger", { bundle: [failing, bad, good] });
      await suite.opened.offerUnchecked(contract, "no-bundle", good);
      const worker = suite.start(contract, async (payload) => {
        if (payload.epoch === 0) throw failure;
        return done;
      });
      await expect.poll(() => worker.bad.length).toBe(2);
      await expect.poll(() => worker.endings.map(({ jobId }) => jobId)).toEqual([good && contract.jobId(good)]);
      expect(worker.errors).toEqual([[failure, contract.jobId(failing)]]);
      expect(worker.bad).toContainEqual({ jobId: "stranger", reason: "job poll-mailbox: mailboxId: invalid_format" });
      expect(worker.bad.map(({ jobId }) => jobId).sort()).toEqual(["no-bundle", "stranger"]);
      await worker.close();
      expect(await suite.queue.waitingCount(contract)).toBe(0);
    });

    it("takes the same payloads, offered again together while they wait, for one job", async () => {
      const contract = bundled();
      const payloads = newPayloads(3);
      await suite.queue.offer(contract, payloads);
      await suite.queue.offer(contract, payloads);
      expect(await suite.queue.waitingCount(contract)).toBe(3);
    });

    it("takes no bundle after `close`, and lets everything in those it has come to an end", async () => {
      const contract = bundled(4);
      const gate = newGate();
      suite.cleaning.push(async () => gate.open());
      await suite.queue.offer(contract, newPayloads(20));
      let running = 0;
      const handle: JobHandler<PollMailbox> = async () => {
        running += 1;
        await gate.opened;
        return done;
      };
      const worker = suite.start(contract, handle, { concurrency: 2, softStopMs: 60_000 });
      await expect.poll(() => running).toBe(2);
      const closing = worker.close();
      const taken = 20 - (await suite.queue.waitingCount(contract));
      expect([4, 8]).toContain(taken); // as many bundles as there were places, at most
      await expect.poll(() => running).toBe(taken);
      gate.open();
      await closing;
      expect(worker.endings).toHaveLength(taken);
      expect(await suite.queue.waitingCount(contract)).toBe(20 - taken);
    });
  });
}

import { again, discard, done, type JobHandler, ownQueueOf, type PollMailbox } from "@mailfleet/queue-contracts";
import { describe, expect, it } from "vitest";
import { newContract, newGate, newPayloads, openSuite, type QueueFixture } from "./queue-suite.ts";

/** What every JobQueue promises. An adapter's test file calls this and `describeBundles`. */
export function describeQueue(name: string, fixture: QueueFixture): void {
  describe(`${name} is a JobQueue`, () => {
    const suite = openSuite(fixture);

    it("hands a job out again until it is done, where its worker keeps jobs", async () => {
      const contract = newContract();
      const [payload] = newPayloads(1);
      if (payload === undefined) throw new Error("there is a payload");
      let runsCount = 0;
      const worker = suite.start(
        contract,
        async () => {
          runsCount += 1;
          if (runsCount === 1) throw new Error("not yet");
          return runsCount === 2 ? again(new Date(Date.now() + 10), "not yet") : done;
        },
        { keepMs: 10 },
      );
      await suite.queue.offer(contract, [payload]);
      await expect.poll(() => runsCount, { timeout: 15_000 }).toBe(3);
      await expect.poll(() => worker.endings.map(({ outcome }) => outcome.kind)).toEqual(["again", "done"]);
      expect(worker.errors).toHaveLength(1);
      await suite.queue.offer(contract, [payload]); // it is gone, so it can be offered again
      await expect.poll(() => runsCount, { timeout: 15_000 }).toBe(4);
    }, 40_000);

    it("hands every payload to a handler once, over all shards", async () => {
      const contract = newContract();
      const payloads = newPayloads(200);
      const handled: string[] = [];
      await suite.queue.offer(contract, payloads);
      const worker = suite.start(contract, async ({ mailboxId }) => {
        handled.push(mailboxId);
        return done;
      });
      await expect.poll(() => handled.length).toBe(200);
      await expect.poll(() => worker.endings.length).toBe(200);
      await worker.close();
      expect(new Set(handled)).toEqual(new Set(payloads.map(({ mailboxId }) => mailboxId)));
      expect(handled).toHaveLength(200);
      expect(await suite.queue.waitingCount(contract)).toBe(0);
      expect(worker.errors).toEqual([]);
    });

    it("wakes a worker that waits", async () => {
      const contract = newContract();
      const [first] = newPayloads(1);
      const [second] = newPayloads(1);
      const handled: unknown[] = [];
      suite.start(contract, async (payload) => {
        handled.push(payload);
        return done;
      });
      await suite.queue.offer(contract, [first]);
      await expect.poll(() => handled).toEqual([first]);
      await suite.queue.offer(contract, [second]);
      await expect.poll(() => handled).toEqual([first, second]);
    });

    it("takes the same payload, offered again while it waits, for one job", async () => {
      const contract = newContract();
      const [payload] = newPayloads(1);
      await suite.queue.offer(contract, [payload]);
      await suite.queue.offer(contract, [payload, payload]);
      expect(await suite.queue.waitingCount(contract)).toBe(1);

      const worker = suite.start(contract, async () => done);
      await expect.poll(() => worker.endings.length).toBe(1);
      await worker.close();
      expect(worker.endings).toHaveLength(1);
      expect(await suite.queue.waitingCount(contract)).toBe(0);
    });

    it("takes a payload again once its job has ended", async () => {
      const contract = newContract();
      const [payload] = newPayloads(1);
      const worker = suite.start(contract, async () => done);
      await suite.queue.offer(contract, [payload]);
      await expect.poll(() => worker.endings.length).toBe(1);
      await expect
        .poll(async () => {
          await suite.queue.offer(contract, [payload]);
          return worker.endings.length;
        })
        .toBeGreaterThan(1);
    });

    it("refuses a payload that breaks its contract before anything has left", async () => {
      const contract = newContract();
      const [good] = newPayloads(1);
      const bad = { mailboxId: "not-an-id", epoch: -1 } as unknown as PollMailbox;
      await expect(suite.queue.offer(contract, [good, bad])).rejects.toMatchObject({ code: "contract.violated" });
      expect(await suite.queue.waitingCount(contract)).toBe(0);
    });

    it("discards a bad payload with a reason that repeats none of it, and never sees it again", async () => {
      const contract = newContract();
      let calls = 0;
      const handle = async () => {
        calls += 1;
        return done;
      };
      await suite.opened.offerUnchecked(contract, "stranger", { mailboxId: "canary-value", epoch: 1 });
      const worker = suite.start(contract, handle);
      await expect.poll(() => worker.bad.length).toBe(1);
      expect(worker.bad[0]).toEqual({ jobId: "stranger", reason: "job poll-mailbox: mailboxId: invalid_format" });
      await worker.close();

      const next = suite.start(contract, handle);
      await suite.queue.offer(contract, newPayloads(1));
      await expect.poll(() => next.endings.length).toBe(1);
      await next.close();
      expect({ calls, bad: next.bad, errors: worker.errors }).toEqual({ calls: 1, bad: [], errors: [] });
    });

    it("reports what a handler threw with its job's id, and does not repeat the job", async () => {
      const contract = newContract();
      const [payload] = newPayloads(1);
      const failure = new Error("the handler failed");
      let calls = 0;
      const handle = async () => {
        calls += 1;
        throw failure;
      };
      await suite.queue.offer(contract, [payload]);
      const worker = suite.start(contract, handle);
      await expect.poll(() => worker.errors).toEqual([[failure, payload && contract.jobId(payload)]]);
      await worker.close();

      const next = suite.start(contract, async () => done);
      await suite.queue.offer(contract, newPayloads(1));
      await expect.poll(() => next.endings.length).toBe(1);
      await next.close();
      expect({ calls, endings: next.endings.length }).toEqual({ calls: 1, endings: 1 });
    });

    it("ends a job whatever its outcome, and reports it", async () => {
      const contract = newContract();
      const outcomes = [done, again(new Date(0), "cooling"), discard("gone")];
      const payloads = newPayloads(3);
      await suite.queue.offer(contract, payloads);
      const worker = suite.start(contract, async ({ epoch }) => outcomes[epoch] ?? done);
      await expect.poll(() => worker.endings.length).toBe(3);
      await worker.close();
      expect(new Map(worker.endings.map(({ jobId, outcome }) => [jobId, outcome]))).toEqual(
        new Map(payloads.map((payload) => [contract.jobId(payload), outcomes[payload.epoch]])),
      );
      expect(await suite.queue.waitingCount(contract)).toBe(0);
    });

    it("runs at most `concurrency` jobs at once over all shards, and leaves the rest for other processes", async () => {
      const contract = newContract();
      const gate = newGate();
      suite.cleaning.push(async () => gate.open());
      let running = 0;
      let most = 0;
      await suite.queue.offer(contract, newPayloads(40));
      const worker = suite.start(
        contract,
        async () => {
          running += 1;
          most = Math.max(most, running);
          await gate.opened;
          running -= 1;
          return done;
        },
        { concurrency: 3 },
      );
      await expect.poll(() => running).toBe(3);
      expect(await suite.queue.waitingCount(contract)).toBe(37);
      gate.open();
      await expect.poll(() => worker.endings.length).toBe(40);
      expect(most).toBe(3);
    });

    it("takes nothing after `close`, waits for what runs, and leaves the rest waiting", async () => {
      const contract = newContract();
      const gate = newGate();
      suite.cleaning.push(async () => gate.open());
      await suite.queue.offer(contract, newPayloads(10));
      let running = 0;
      let stopped = false;
      const handle: JobHandler<PollMailbox> = async (_, { signal }) => {
        running += 1;
        await gate.opened;
        stopped ||= signal.aborted;
        return done;
      };
      const worker = suite.start(contract, handle, { concurrency: 2, softStopMs: 60_000 });
      await expect.poll(() => running).toBe(2);
      let closed = false;
      const closing = worker.close().then(() => {
        closed = true;
      });
      expect(await suite.queue.waitingCount(contract)).toBe(8);
      expect(closed).toBe(false);
      gate.open();
      await closing;
      expect({ running, stopped, endings: worker.endings.length }).toEqual({ running: 2, stopped: false, endings: 2 });
      expect(await suite.queue.waitingCount(contract)).toBe(8);
    });

    it("aborts what still runs after the soft stop, and waits for that too", async () => {
      const contract = newContract();
      await suite.queue.offer(contract, newPayloads(1));
      const steps: string[] = [];
      const handle: JobHandler<PollMailbox> = async (_, { signal }) => {
        steps.push("running");
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        steps.push(`${signal.reason.name}`);
        await new Promise((resolve) => setImmediate(resolve));
        steps.push("tidied up");
        signal.throwIfAborted();
        return done;
      };
      const worker = suite.start(contract, handle, { softStopMs: 50 });
      await expect.poll(() => steps).toEqual(["running"]);
      await worker.close();
      expect(steps).toEqual(["running", "AbortError", "tidied up"]);
      expect(worker.errors.map(([error]) => (error as Error).name)).toEqual(["AbortError"]);
    });

    it("gives one worker's own queue to nobody else, and takes it away with what is in it", async () => {
      const contract = newContract();
      const [own, other] = [ownQueueOf(contract, "w1"), ownQueueOf(contract, "w2")];
      const [shared, first, second] = [contract, own, other].map((each) => suite.start(each, async () => done));
      await suite.queue.offer(own, newPayloads(3));
      await suite.queue.offer(contract, newPayloads(2));
      await expect.poll(() => [first, second, shared].map((worker) => worker?.endings.length)).toEqual([3, 0, 2]);
      await second?.close();

      await suite.queue.offer(other, newPayloads(4));
      expect(await suite.queue.waitingCount(other)).toBe(4);
      await suite.queue.remove(other);
      await suite.queue.remove(other);
      expect(await suite.queue.waitingCount(other)).toBe(0);
      const late = suite.start(other, async () => done);
      await suite.queue.offer(other, newPayloads(1));
      await expect.poll(() => late.endings.length).toBe(1);
      expect(late.errors).toEqual([]);
    });

    it("keeps its generation until it has lost what was in it, and then works on", async () => {
      const contract = newContract();
      const worker = suite.start(contract, async () => done);
      const before = await suite.queue.generation();
      expect(before).not.toBe("");
      await suite.queue.offer(contract, newPayloads(5));
      await expect.poll(() => worker.endings.length).toBe(5);
      expect(await suite.queue.generation()).toBe(before);

      await suite.opened.lose();
      const after = await suite.queue.generation();
      expect(after).not.toBe("");
      expect(after).not.toBe(before);
      expect(await suite.queue.generation()).toBe(after);
      await suite.queue.offer(contract, newPayloads(5));
      await expect.poll(() => worker.endings.length, { timeout: 10_000 }).toBe(10);
    });
  });
}

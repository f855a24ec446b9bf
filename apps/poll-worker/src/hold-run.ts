import type { Claims, HeldRow } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";

export type RunOptions = {
  readonly claims: Pick<Claims, "heartbeat">;
  readonly grant: () => Promise<Grant<"fleet.run">>;
  readonly held: HeldRow;
  readonly runMs: number;
  /** Until the first heartbeat it is ours for so long. */
  readonly heldMs: number;
  /** `performance.now()` before the run was started, so that our deadline is never later than the row's. */
  readonly askedAt: number;
  /** Aborts when the process must stop. */
  readonly signal: AbortSignal;
  /** Aborts when access to the mailbox was taken away, with the reason. */
  readonly accessLost: AbortSignal;
};

/** One poll's hold on its mailbox: kept alive by a heartbeat, over once a heartbeat is refused or comes too late. */
export type Run = {
  readonly signal: AbortSignal;
  /**
   * Asked before every step. A process that was frozen finds out here that its time is over, before it says another word
   * to a server; the fence in the database is behind it.
   *
   * @throws OperationalError `run.expired`, `run.fenced`, `gate.denied`
   */
  requireLive(): void;
  close(): void;
};

export function holdRun({ claims, grant, held, runMs, heldMs, askedAt, signal, accessLost }: RunOptions): Run {
  const over = new AbortController();
  let deadline = askedAt + heldMs;

  const beat = async () => {
    const asked = performance.now();
    const stillOurs = await claims.heartbeat(await grant(), held, runMs);
    if (stillOurs) deadline = asked + runMs;
    else over.abort(new OperationalError("run.fenced", "another run holds this mailbox"));
  };
  // A heartbeat that fails is simply missing: the deadline stands, and the next one may get through.
  const timer = setInterval(() => void beat().catch(() => {}), Math.min(runMs / 4, (heldMs * 2) / 3));

  return {
    signal: AbortSignal.any([accessLost, signal, over.signal]),
    requireLive() {
      over.signal.throwIfAborted();
      accessLost.throwIfAborted();
      if (performance.now() < deadline) return;
      throw new OperationalError("run.expired", "the poll's time is over; the mailbox is due again for everyone");
    },
    close: () => clearInterval(timer),
  };
}

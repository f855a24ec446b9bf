import type { BeatAnswer, Database } from "@mailfleet/database";
import { MailboxId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { type LoopOptions, startLoop } from "@mailfleet/runtime";
import type { Loss, WarmConnections } from "./create-warm-connections.ts";

export type Losses = { readonly mailboxId: MailboxId; readonly loss: Loss }[];

export type Residence = {
  readonly workerId: string;
  readonly workers: Database["fleet"]["workers"];
  readonly connections: WarmConnections;
  /** What the connections have lost since the last beat; emptied here. */
  readonly losses: Losses;
  readonly grant: () => Promise<Grant<"fleet.run">>;
  /** How many jobs the worker's own queue may hold before it counts as behind. */
  readonly capacity: number;
  readonly heldMax: number;
  /** Everything that was handed over is due within this time. */
  readonly spreadMs: number;
  readonly onBeat: () => void;
  /** Takes the worker's own queue away. */
  readonly removeQueue: () => Promise<void>;
};

const beatMs = 1_000;

/**
 * Tells the fleet each second that this worker is alive and what it holds, and hears what it holds no longer. When the
 * process is told to stop, it leaves at once; what it held and what waited for it is handed to the others by `close`.
 */
export async function startResidence(residence: Residence, options: LoopOptions) {
  const { workers, workerId, connections, grant, spreadMs } = residence;
  const pass = beating(residence);
  await pass(); // jobs are routed here from now on
  const loop = startLoop(pass, options);
  let leaving: Promise<void> | undefined;
  const leave = () => {
    leaving ??= loop.close().then(async () => workers.leave(await grant(), workerId));
    leaving.catch(() => {}); // whoever closes is told
    return leaving;
  };
  options.stopping?.addEventListener("abort", leave, { once: true });
  return {
    async close(): Promise<void> {
      try {
        await leave();
        await workers.leave(await grant(), workerId); // what was claimed for it while it drained
        const mailboxIds = connections.mailboxIds();
        await workers.release(await grant(), workerId, { mailboxIds, dueWithinMs: spreadMs });
        await residence.removeQueue().catch(options.onError); // a scheduler removes the queues of those who left, and may be at it
      } finally {
        await connections.closeAll();
      }
    },
  };
}

function beating(residence: Residence): () => Promise<number> {
  const { workers, workerId, connections, grant, capacity } = residence;
  let beats = 0;
  return async () => {
    connections.retire();
    connections.announceAgain();
    const answer = await workers.beat(await grant(), {
      workerId,
      capacity,
      heldCount: connections.count,
      heldMax: residence.heldMax,
    });
    for (const { mailboxId, epoch } of answer.displaced) connections.displace(MailboxId.parse(mailboxId), epoch);
    if (!answer.known && beats > 0) {
      // We were taken for gone, and nobody could tell us what was taken over meanwhile.
      const others = await workers.notHeld(await grant(), workerId, connections.mailboxIds());
      for (const mailboxId of others) connections.displace(MailboxId.parse(mailboxId));
    }
    beats += 1;
    balance(connections, answer);
    await tellLosses(residence);
    residence.onBeat();
    return beatMs;
  };
}

/** A worker with a quarter more than its share gives up a fifth of the excess each second, as long as others have room. */
function balance(connections: WarmConnections, { share, roomElsewhere }: BeatAnswer): void {
  const { count } = connections;
  const excess = Math.min(count - share, roomElsewhere);
  if (excess < 1 || count <= share * 1.1 + 2) connections.takeMore(true);
  else if (count > share * 1.25 + 5) connections.takeMore(false);
  if (!connections.takesMore) connections.shed(Math.ceil(excess / 5));
}

/** Who is listened to by nobody is due soon; who is held elsewhere, or must not be looked at, is not. */
async function tellLosses({ workers, workerId, losses, grant, spreadMs }: Residence): Promise<void> {
  const told = losses.splice(0).filter(({ loss }) => loss !== "displaced");
  const dueAgain = (loss: Loss) => loss !== "closed" && loss !== "evicted";
  for (const dueWithinMs of [spreadMs, null]) {
    const those = told.filter(({ loss }) => dueAgain(loss) === (dueWithinMs !== null));
    if (those.length === 0) continue;
    await workers.release(await grant(), workerId, {
      mailboxIds: those.map(({ mailboxId }) => mailboxId),
      dueWithinMs,
    });
  }
}

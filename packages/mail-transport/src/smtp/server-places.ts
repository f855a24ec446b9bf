import { OperationalError } from "@mailfleet/domain";

/** A connection turned away before it said who it is: the server speaks of this client, and of no mailbox. */
export class ServerIsFull extends OperationalError {}

export type ServerPlaces = {
  /**
   * Runs `open` when the server has room. A connection that is turned away while others of ours are open there waits until
   * one of them has ended; for the only one, the refusal is the answer.
   *
   * @throws OperationalError `mailbox.busy` when there was no room in time; what `open` throws
   */
  open<Session>(server: string, options: OpenOptions<Session>): Promise<Session>;
  /** To be called once for each connection that was opened, when it has ended. */
  leave(server: string): void;
  /** Somebody waits for a place: no connection there may rest. */
  isWanted(server: string): boolean;
};

export type OpenOptions<Session> = {
  readonly open: () => Promise<Session>;
  /** There is no room: ends a connection that rests, where there is one. */
  readonly makeRoom: () => void;
  readonly msMax: number;
  readonly signal: AbortSignal;
};

/** `limit`: how many the server takes, as far as we know. */
type Room = { openCount: number; limit: number; readonly waiting: (() => void)[] };

/**
 * How many connections a server takes from one client is its own affair (Postfix: 50, large providers: thousands), and no
 * reply says it. So nothing is assumed: a refusal lowers the limit to what is open, and each connection after it raises it
 * a little, as TCP finds its window. What is known of a server is forgotten when nothing is open there.
 */
export function createServerPlaces(): ServerPlaces {
  const rooms = new Map<string, Room>();
  const leave = (server: string) => {
    const room = rooms.get(server);
    if (room === undefined) return;
    room.openCount -= 1;
    room.waiting.shift()?.();
    if (room.openCount === 0 && room.waiting.length === 0) rooms.delete(server);
  };
  return {
    leave,
    isWanted: (server) => (rooms.get(server)?.waiting.length ?? 0) > 0,
    async open(server, { open, makeRoom, msMax, signal }) {
      let deadline: AbortSignal | null = null;
      for (;;) {
        const room = rooms.get(server) ?? { openCount: 0, limit: Number.POSITIVE_INFINITY, waiting: [] };
        rooms.set(server, room);
        if (room.openCount >= room.limit) {
          makeRoom();
          deadline ??= AbortSignal.any([signal, AbortSignal.timeout(msMax)]);
          await turn(room, deadline, signal);
          continue; // someone may have been faster, or the server have been forgotten
        }
        const isAlone = room.openCount === 0;
        room.openCount += 1;
        try {
          const session = await open();
          room.limit += 1 / room.limit;
          if (room.openCount < room.limit) room.waiting.shift()?.();
          return session;
        } catch (error) {
          const othersCount = room.openCount - 1;
          leave(server);
          if (!(error instanceof ServerIsFull) || isAlone) throw error;
          room.limit = Math.max(1, Math.min(room.limit, othersCount));
        }
      }
    },
  };
}

async function turn({ waiting }: Room, deadline: AbortSignal, stopping: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = () => {
    const at = waiting.indexOf(resolve);
    if (at === -1) return; // it is its turn already
    waiting.splice(at, 1);
    if (stopping.aborted) reject(new OperationalError("provider.unavailable", "smtp: aborted before it connected"));
    else reject(new OperationalError("mailbox.busy", "smtp: the server takes no more connections of ours"));
  };
  if (!deadline.aborted) deadline.addEventListener("abort", giveUp, { once: true });
  waiting.push(resolve);
  if (deadline.aborted) giveUp();
  try {
    await promise;
  } finally {
    deadline.removeEventListener("abort", giveUp);
  }
}

/** How long to leave a full window alone. Nobody announces room: it is foreseen from how fast the window emptied before. */
export type RoomWatch = {
  /** What waits in the queue, looked at `at` (ms). @returns in how many ms there will be room worth a claim */
  look(waitingCount: number, at: number): number;
  /** So many were added since the last look. */
  added(count: number): void;
};

/** A claim costs the same for one row as for a dozen: it waits for this part of the window. */
const roomPart = 1 / 4;
const waitMsMin = 10;
/** A window that stands still may begin to empty at any time, and its workers would be idle for so long at most. */
const waitMsMax = 100;

export function watchRoom(window: number): RoomWatch {
  let before: { count: number; at: number } | null = null;
  return {
    look(waitingCount, at) {
      const taken = before === null ? 0 : before.count - waitingCount;
      const elapsedMs = before === null ? 0 : at - before.at;
      const known = before !== null && elapsedMs > 0;
      before = { count: waitingCount, at };
      if (!known) return waitMsMin;
      return Math.min(Math.max((window * roomPart * elapsedMs) / Math.max(taken, 0.001), waitMsMin), waitMsMax);
    },
    added(count) {
      if (before !== null) before.count += count;
    },
  };
}

export type WindowLook = {
  /** Rows to claim now; 0 or less: the window is full. */
  readonly room: number;
  /** In how many ms a window that is full after this will have room worth a claim. */
  readonly waitMs: number;
};

/**
 * How many jobs may wait in the queue: what its workers take in a tenth of a second, and more while they have places that
 * nothing fills. Fairness ends where the queue begins, so no more than that; and a worker must not wait for a scheduler, so
 * no less. Nobody announces either: both are seen from how fast the queue empties.
 */
export type Window = {
  look(waitingCount: number, at: number): WindowLook;
  /** So many were added since the look. */
  added(count: number): void;
};

const targetMs = 100;
/** So few may wait where work takes long: each of them is ahead of everyone who comes due. */
const sizeMin = 10;
/** Times the size it begins with. */
const growthMax = 20;
/** A claim costs the same for one row as for a dozen: it waits for this part of the window. */
const roomPart = 1 / 4;
const waitMsMin = 10;
/** A window that stands still may begin to empty at any time, and its workers would be idle for so long at most. */
const waitMsMax = 100;

export function createWindow(firstSize: number): Window {
  let size = firstSize;
  let before: { count: number; at: number } | null = null;
  let wasFilled = false;
  return {
    look(waitingCount, at) {
      const elapsedMs = before === null ? 0 : at - before.at;
      const takenPerMs = before === null || elapsedMs <= 0 ? null : (before.count - waitingCount) / elapsedMs;
      const hungry = wasFilled && waitingCount === 0;
      if (hungry) {
        size = Math.min(size * 2, firstSize * growthMax); // everything was taken: by whom, and how fast, is not known
      } else if (takenPerMs !== null && waitingCount > 0) {
        // Where looks are far apart, since the machine is busy, what is taken between two of them must be there at once.
        const coveredMs = Math.max(targetMs, 2 * elapsedMs);
        const wanted = Math.min(Math.max(takenPerMs * coveredMs, sizeMin), firstSize * growthMax);
        size = Math.ceil((size + wanted) / 2);
      }
      before = { count: waitingCount, at };
      wasFilled = waitingCount >= size;
      const room = size - waitingCount;
      if (takenPerMs === null || hungry) return { room, waitMs: waitMsMin };
      const untilRoomMs = (size * roomPart) / Math.max(takenPerMs, 1e-6);
      return { room, waitMs: Math.min(Math.max(untilRoomMs, waitMsMin), waitMsMax) };
    },
    added(count) {
      if (before === null) return;
      before.count += count;
      wasFilled = before.count >= size;
    },
  };
}

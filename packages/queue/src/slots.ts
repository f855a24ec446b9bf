/** A number of places that several shards share. First come, first served, so no shard starves. */
export type Slots = {
  /** True once there is a place, false once there will be none any more. */
  take(): Promise<boolean>;
  /** A place that is free now, or none. */
  tryTake(): boolean;
  give(): void;
  /** Sends away who waits and who comes later. */
  close(): void;
};

export function createSlots(count: number): Slots {
  let free = count;
  let closed = false;
  const waiting: ((taken: boolean) => void)[] = [];
  const tryTake = () => {
    if (closed || free === 0) return false;
    free -= 1;
    return true;
  };
  return {
    tryTake,
    async take() {
      return tryTake() || (!closed && new Promise<boolean>((resolve) => waiting.push(resolve)));
    },
    give() {
      const next = waiting.shift();
      if (next) next(true);
      else free += 1;
    },
    close() {
      closed = true;
      for (const resolve of waiting.splice(0)) resolve(false);
    },
  };
}

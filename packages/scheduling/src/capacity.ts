/** What one piece of work was measured to cost, and by which bench (`npm run bench -- NAME`), on cores of a shared 2-core machine. */
export const measured = {
  /** Deciding, handing over, starting and finishing one poll of 100,000 mailboxes a minute. */
  pollCpuMs: { scheduler: 0.06, redis: 0.16, bench: "schedule" },
  /** One poll that finds nothing new, with a login over TLS of its own: its worker's part, and all of PostgreSQL's. */
  coldPollCpuMs: { pollWorker: 3.2, postgres: 0.7, bench: "sweep" },
  /** Reading, parsing and storing one message of 20 KB. */
  messageCpuMs: { pollWorker: 0.77, postgres: 0.18, bench: "ingest" },
} as const;

/** A job that waits or runs, with its lock. */
const jobBytes = 900;
/** Rows with their indexes. */
const mailboxRowBytes = 3_000;
const messageRowBytes = 2_500;

export type CapacityQuestion = {
  readonly mailboxes: number;
  readonly messagesPerDay: number;
  /** From one poll of a mailbox to the next, on average, in seconds. */
  readonly intervalSeconds: number;
  /** How long a poll takes, mostly waiting for its server, in seconds. */
  readonly pollSeconds: number;
  readonly tenants: number;
  /** Days messages are kept. */
  readonly retentionDays: number;
};

export type Capacity = {
  readonly pollsPerSecond: number;
  readonly messagesPerSecondPeak: number;
  readonly pollWorkers: { readonly count: number; readonly cores: number; readonly concurrency: number };
  readonly schedulers: { readonly count: number; readonly cores: number };
  readonly postgres: { readonly cores: number; readonly connections: number; readonly rowsGb: number };
  readonly redis: { readonly cores: number; readonly memoryMb: number; readonly commandsPerSecond: number };
  readonly kms: { readonly callsPerSecond: number };
  readonly connectionsAtOnce: number;
  readonly blobGbPerDay: number;
  /** What this fleet meets first as it grows, in the order in which it does. */
  readonly breaksFirst: readonly string[];
};

/** A day's mail comes in office hours: the busiest second has three times the average. */
const peakFactor = 3;
/** Cores are planned to be busy for so much of the time. */
const busyPart = 0.6;
const concurrencyPerWorker = 200;
const connectionsPerWorker = 10;
/** 23 commands for an offered and finished job, those in scripts included (23 + 8 for adding it). */
const commandsPerJob = 31;
/** Unwrapped data keys live for this long in each worker's cache, in seconds. */
const keyCacheSeconds = 300;
const messageBytes = 20_000;
/** What one writer of PostgreSQL, one thread of Redis and one scheduler can be asked for. */
const postgresCoresMax = 16;

/** AWS grants between 5,500 and 50,000 a second for symmetric keys, by region. */
const kmsCallsPerSecondMax = 5_500;

/** How large a fleet must be. Sums over what was measured; nothing in it was measured at that size. */
export function capacityOf(question: CapacityQuestion): Capacity {
  const { mailboxes, messagesPerDay, intervalSeconds, pollSeconds, tenants, retentionDays } = question;
  const pollsPerSecond = mailboxes / intervalSeconds;
  const messagesPerSecondPeak = (messagesPerDay / 86_400) * peakFactor;
  const cores = (pollCpuMs: number, messageCpuMs: number) =>
    (pollsPerSecond * pollCpuMs + messagesPerSecondPeak * messageCpuMs) / 1_000;
  const { pollCpuMs, messageCpuMs, coldPollCpuMs } = measured;

  const workerCores = cores(coldPollCpuMs.pollWorker, messageCpuMs.pollWorker);
  const connectionsAtOnce = Math.ceil(pollsPerSecond * pollSeconds);
  const workersCount = Math.max(
    2, // one may die
    Math.ceil(workerCores / busyPart),
    Math.ceil(connectionsAtOnce / concurrencyPerWorker),
  );
  const schedulerCores = cores(pollCpuMs.scheduler, 0);
  const schedulersCount = Math.max(2, Math.ceil(schedulerCores / busyPart));
  const postgresCores = cores(coldPollCpuMs.postgres, messageCpuMs.postgres);
  const redisCores = cores(pollCpuMs.redis, 0);
  // Any worker may poll any tenant: so many different ones does each meet while a key stays in its cache.
  const pollsPerKeyLife = (pollsPerSecond * keyCacheSeconds) / workersCount;
  const keysPerWorker = tenants * (1 - Math.exp(-pollsPerKeyLife / tenants));
  const kmsCallsPerSecond = (keysPerWorker * workersCount) / keyCacheSeconds;
  return {
    pollsPerSecond,
    messagesPerSecondPeak,
    pollWorkers: { count: workersCount, cores: workerCores, concurrency: concurrencyPerWorker },
    schedulers: { count: schedulersCount, cores: schedulerCores },
    postgres: {
      cores: postgresCores,
      connections: workersCount * connectionsPerWorker + schedulersCount * 4,
      rowsGb: (mailboxes * mailboxRowBytes + messagesPerDay * retentionDays * messageRowBytes) / 1e9,
    },
    redis: {
      cores: redisCores,
      memoryMb: 20 + (connectionsAtOnce * jobBytes) / 1e6,
      commandsPerSecond: pollsPerSecond * commandsPerJob,
    },
    kms: { callsPerSecond: kmsCallsPerSecond },
    connectionsAtOnce,
    blobGbPerDay: (messagesPerDay * messageBytes) / 1e9,
    breaksFirst: breaksFirst({
      postgresCores,
      redisCores,
      connections: workersCount * connectionsPerWorker,
      kmsCallsPerSecond,
    }),
  };
}

type Needs = Readonly<Record<"postgresCores" | "redisCores" | "connections" | "kmsCallsPerSecond", number>>;

function breaksFirst(needs: Needs): readonly string[] {
  const limits = [
    { part: needs.redisCores / busyPart, says: "one Redis is one thread: spread the shards over several" },
    { part: needs.connections / 500, says: "more connections than PostgreSQL likes: put a pooler before it" },
    {
      part: needs.kmsCallsPerSecond / kmsCallsPerSecondMax,
      says: "more KMS calls than a region grants: cache data keys longer",
    },
    { part: needs.postgresCores / postgresCoresMax, says: "one PostgreSQL writes all of it: shard fleets by tenant" },
  ];
  return limits
    .filter(({ part }) => part > 1)
    .toSorted((a, b) => b.part - a.part)
    .map(({ says }) => says);
}

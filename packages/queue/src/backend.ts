import type { JobContract } from "@mailfleet/queue-contracts";
import type { BackendFactory, IQueueBackend } from "bullmq";

/** BullMQ's parts in one process, whichever database they lie in. `unknown`: a factory brings its own connection. */
export type Factory = BackendFactory<IQueueBackend, unknown>;

/** One worker's connections. */
export type ConsumerConnections = {
  readonly factory: Factory;
  /** Whether the backend answers, as far as the connection knows. */
  isAlive(): boolean;
  close(): Promise<void>;
};

/** What a database must offer to carry jobs. The two implementations are all that differs between Redis and PostgreSQL. */
export type Backend = {
  /** For queues that only add and count. */
  readonly producers: Factory;
  /** Whether the producers' connection stands, as far as it knows. */
  isAlive(): boolean;
  openConsumer(onError: (error: unknown) => void): ConsumerConnections;
  /** Into how many queues a contract's work is split here. */
  shardsCount(contract: Pick<JobContract, "shardsCount">): number;
  generation(): Promise<string>;
  close(): Promise<void>;
};

export type BackendOptions = {
  readonly url: string;
  readonly onError: (error: unknown) => void;
  readonly onWarning: (warning: string) => void;
};

import { type PostgresConnection, PostgresQueueBackend, type QueueBaseOptions } from "bullmq";

/**
 * BullMQ's PostgreSQL backend on a connection that the whole process shares: one pool, and one client that listens.
 * BullMQ itself lets only the owner of a connection listen again after it broke, and the owner ends it for everybody.
 */
export class SharedPostgresBackend extends PostgresQueueBackend {
  constructor(connection: PostgresConnection, queueName: string, options: QueueBaseOptions<unknown>) {
    super(connection, queueName, { ...options, connection: connection.pool }, false);
    connection.on("listenerinvalidated", this.#listenAgain);
  }

  override async close(): Promise<void> {
    this.connection.off("listenerinvalidated", this.#listenAgain);
  }

  readonly #listenAgain = () => {
    void this.reconnectBlocking(); // forgets that it listened
    void this.disconnect(); // ends the wait on the dead client, and nothing else: the connection is not ours
  };
}

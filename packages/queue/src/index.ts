/** Hands work over, on Redis or PostgreSQL. The only package that names BullMQ. */

export type { QueueOptions } from "./open-queue.ts";
export { openQueue } from "./open-queue.ts";

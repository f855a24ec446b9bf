/** Pure: when a mailbox is polled next, and how failures back off. Time and chance are handed in. */

export type { BackoffInput } from "./backoff-ms.ts";
export { backoffMs } from "./backoff-ms.ts";
export type { Capacity, CapacityQuestion } from "./capacity.ts";
export { capacityOf, measured } from "./capacity.ts";
export type { HostOutcome, HostTrouble, HostWatch } from "./host-watch.ts";
export { coolDownMs, createHostWatch } from "./host-watch.ts";
export type { NextPollInput, PollBounds } from "./next-poll-at.ts";
export { nextPollAt } from "./next-poll-at.ts";
export type { SendRetryInput } from "./send-retry-at.ts";
export { sendRetryAt } from "./send-retry-at.ts";
export type { SendingBook, SendingLimits, SentHour } from "./sending-limits.ts";
export { reserveSend, sendingLimitsOf } from "./sending-limits.ts";

import { createHash } from "node:crypto";
import type { JobContract } from "@mailfleet/queue-contracts";
import { z } from "zod";

/** What a bundle's job carries: payloads, of which each is read by itself. */
export const Bundle = z.strictObject({ bundle: z.array(z.unknown()).min(1) });
export type Bundle = z.output<typeof Bundle>;

/** `bundle-DIGEST-COUNT`: the same payloads together have the same id, and the id tells how many they are. */
export function bundleId(jobIds: readonly string[]): string {
  const digest = createHash("sha256").update(jobIds.join("\n")).digest("hex").slice(0, 32);
  return `bundle-${digest}-${jobIds.length}`;
}

const bundleIdPattern = /^bundle-[0-9a-f]{32}-([1-9][0-9]{0,4})$/;

/** How many payloads travel under this id; one, where a stranger chose it. */
export function bundledCount(jobId: string): number {
  return Number(bundleIdPattern.exec(jobId)?.[1] ?? 1);
}

export function isBundled(contract: Pick<JobContract, "bundleMax">): boolean {
  return contract.bundleMax !== undefined;
}

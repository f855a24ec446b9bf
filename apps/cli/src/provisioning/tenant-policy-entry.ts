import { isDeepStrictEqual } from "node:util";
import { outboundPolicies, type TenantPolicy } from "@mailfleet/database";
import { z } from "zod";

const Label = z.string().regex(/^(\*|[a-z0-9]+(-[a-z0-9]+)*)$/, "a label in kebab-case, or '*'");
const Patterns = z
  .array(
    z
      .string()
      .max(254)
      .regex(/^[^\s@]*@[^\s@]+\.[^\s@]+$/, "an address, or a domain as @example.org")
      .toLowerCase(),
  )
  .max(10_000)
  .optional();

/** What a tenant receives, holds and may send. What is left out is left as it is; a list or a table that stands here is the whole. */
export const TenantPolicyEntry = z.strictObject({
  outbound: z.enum(outboundPolicies).optional().meta({ description: "To whom the tenant may write." }),
  quarantineMax: z.int().min(0).max(1_000_000).optional().meta({
    description: "So many messages are held; the oldest go first.",
  }),
  quarantineBytesMax: z.int().min(0).max(100_000_000_000_000).optional().meta({
    description: "What is held weighs at most so many bytes; the oldest go first, and at once what is larger alone.",
  }),
  automaticAnswersPerDayMax: z.int().min(0).max(1_000_000).optional().meta({
    description: "So many automatic answers leave in any 24 hours, from all mailboxes together (1,000). 0: none.",
  }),
  inboundActions: z
    .record(Label, z.enum(["deliver", "flag", "quarantine"]))
    .optional()
    .meta({ description: "What is done about what comes in, by label; '*' is every label that is not named." }),
  outboundActions: z
    .record(Label, z.enum(["deliver", "hold", "refuse"]))
    .optional()
    .meta({ description: "What is done about what would leave, by label." }),
  senders: Patterns.meta({ description: "Whom to attribute, where it is proven to be them." }),
  recipients: Patterns.meta({ description: "Whom the tenant may write to under outbound: allow-list." }),
});
export type TenantPolicyEntry = z.output<typeof TenantPolicyEntry>;

/** What of the entry differs from the tenant's policy, ready to be applied; of a new tenant, all of it. */
export function policyChanges(entry: TenantPolicyEntry, existing: TenantPolicy | null): Partial<TenantPolicy> {
  const wanted = Object.entries(entry).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, Array.isArray(value) ? sorted(value) : value] as const];
  });
  const differing = wanted.filter(([name, value]) => {
    const stored = existing?.[name as keyof TenantPolicy];
    return !isDeepStrictEqual(value, Array.isArray(stored) ? sorted(stored) : stored);
  });
  return Object.fromEntries(differing) as Partial<TenantPolicy>; // the same names and types, as the schema says
}

function sorted(patterns: readonly string[]): readonly string[] {
  return [...new Set(patterns)].sort();
}

import { MailServer } from "@mailfleet/domain";
import { z } from "zod";

const Key = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63")
  .meta({ description: "Never changes: entries are matched by it." });

const limits = (defaults: { ratePerSecond: number; burst: number; inFlightMax: number }) =>
  z
    .strictObject({
      ratePerSecond: z.number().positive().max(100_000).default(defaults.ratePerSecond),
      burst: z.number().positive().max(1_000_000).default(defaults.burst),
      inFlightMax: z.int().min(1).max(100_000).default(defaults.inFlightMax),
    })
    .prefault({});

/** Where a secret comes from. There is no third form: a secret that stands in the file itself is refused. */
export const SecretSource = z
  .union(
    [
      z.strictObject({
        env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable"),
      }),
      z.strictObject({ file: z.string().min(1).meta({ description: "From the folder of this file." }) }),
    ],
    { error: "write { env: NAME } or { file: PATH }; a secret never stands in this file" },
  )
  .meta({ description: "The name of an environment variable, or of a file, that holds the secret." });
export type SecretSource = z.output<typeof SecretSource>;

const line = z
  .string()
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, "no line breaks or control characters");

const Domain = z
  .string()
  .max(253)
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, "a domain in lower case");

/** Whose word about a sender is believed. Wrong is worse than absent: leave it out where the provider is not known. */
const SenderTrustEntry = z.strictObject({
  trustedHop: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("none") }),
      z.strictObject({ kind: z.literal("microsoft-365") }),
      z.strictObject({ kind: z.literal("authserv-id"), id: line.min(1) }),
    ])
    .default({ kind: "none" })
    .meta({ description: "Whose Authentication-Results are believed: what the mailbox's own server calls itself." }),
  internalDomains: z
    .array(Domain)
    .default([])
    .meta({ description: "Domains of the mailbox's own organisation. Never a public provider's, such as gmail.com." }),
  trustedSealers: z
    .array(Domain)
    .default([])
    .meta({ description: "Forwarders whose ARC seals are believed, by their domain." }),
});

const MailboxEntry = z.strictObject({
  key: Key,
  address: z.email().max(254),
  displayName: line.min(1).optional(),
  imap: MailServer,
  smtp: MailServer.optional().meta({ description: "Without it the mailbox only receives." }),
  folder: line.min(1).default("INBOX"),
  startFrom: z.enum(["now", "beginning"]).default("now").meta({ description: "Which mail is read at first." }),
  senderTrust: SenderTrustEntry.prefault({}),
  credential: z.strictObject({
    flow: z.literal("password"),
    user: line.min(1),
    password: SecretSource,
  }),
});
export type MailboxEntry = z.output<typeof MailboxEntry>;

const TenantEntry = z.strictObject({
  key: Key,
  namespace: Key.optional().meta({
    description: "The label of every row of this tenant. The key where it is left out.",
  }),
  weight: z.int().min(1).max(1_000).default(1).meta({ description: "Its share of each turn, beside other tenants." }),
  limits: z
    .strictObject({
      poll: limits({ ratePerSecond: 10, burst: 50, inFlightMax: 20 }),
      deliver: limits({ ratePerSecond: 5, burst: 20, inFlightMax: 10 }),
    })
    .prefault({}),
  mailboxes: z.array(MailboxEntry).default([]),
});
export type TenantEntry = z.output<typeof TenantEntry>;

/** What `mailfleet provision -f` reads. */
export const TenantsFile = z.strictObject({
  apiVersion: z.literal("mailfleet/v1"),
  tenants: z.array(TenantEntry),
});
export type TenantsFile = z.output<typeof TenantsFile>;

/** For editors and for checks before a merge: JSON Schema, draft 2020-12. */
export function tenantsFileSchema(): object {
  return { title: "Mailfleet tenants file", ...z.toJSONSchema(TenantsFile, { io: "input" }) };
}

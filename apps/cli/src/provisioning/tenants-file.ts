import { envelopeAddress, MailAddress, MailServer } from "@mailfleet/domain";
import { ProviderAppName } from "@mailfleet/token-providers";
import { z } from "zod";
import { isLifetime } from "../parse-options.ts";
import { RetentionEntry } from "./retention-entry.ts";
import { TenantPolicyEntry } from "./tenant-policy-entry.ts";

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

/** Whole seconds in the file, milliseconds in the fleet. */
const seconds = (least: number, most: number, description: string) =>
  z.int().min(least).max(most).optional().meta({ description });

const line = z
  .string()
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, "no line breaks or control characters");

/** In place of `mailfleet mailbox prove`, and only for directories of one's own. */
const assertedDirectory = <Directory extends z.ZodType<string>>(directory: Directory) =>
  directory.optional().meta({
    description:
      "Only for a directory of your own: your word, written to the audit log, in place of a proof. Left out, the mailbox " +
      "waits for `mailfleet mailbox prove`.",
  });

const app = ProviderAppName.meta({ description: "One of `mailfleet provider-app list`." });

const Domain = z
  .string()
  .max(253)
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, "a domain in lower case");

/** How a mailbox is signed in to. Where tokens come from is the app's to say and never the entry's. */
const CredentialEntry = z.discriminatedUnion("flow", [
  z.strictObject({ flow: z.literal("password"), user: line.min(1), password: SecretSource }),
  z.strictObject({
    flow: z.literal("microsoft-client-credentials"),
    user: line.min(1),
    app,
    assertedDirectory: assertedDirectory(z.guid("the directory's (tenant's) id, as Entra shows it")),
  }),
  z
    .strictObject({
      flow: z.literal("google-service-account"),
      user: line.min(1),
      app: app.optional(),
      key: SecretSource.optional().meta({ description: "The customer's own key file, in place of `app`." }),
      assertedDirectory: assertedDirectory(Domain),
    })
    .refine(({ key, assertedDirectory }) => key === undefined || assertedDirectory === undefined, {
      error: "a key of the customer's own needs no proof; leave it out",
      path: ["assertedDirectory"],
    })
    .refine(({ app, key }) => (app === undefined) !== (key === undefined), "name exactly one of app and key"),
  z.strictObject({
    flow: z.literal("oauth-refresh-token"),
    user: line.min(1),
    app,
    refreshToken: SecretSource.meta({ description: "The first one; what replaces it is kept by the fleet." }),
  }),
]);
export type CredentialEntry = z.output<typeof CredentialEntry>;
/** Whose word about a sender is believed. Wrong is worse than absent: leave it out, and it is known for Microsoft 365 and Google alone. */
const SenderTrustEntry = z.strictObject({
  trustedHop: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("none") }),
      z.strictObject({ kind: z.literal("microsoft-365") }),
      z.strictObject({ kind: z.literal("authserv-id"), id: line.min(1) }),
    ])
    .optional()
    .meta({
      description:
        "Whose Authentication-Results are believed: what the mailbox's own server calls itself. Left out, it follows from " +
        "the IMAP host: Microsoft 365 and Google are known, any other is none.",
    }),
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
  address: MailAddress.overwrite(envelopeAddress),
  displayName: line.min(1).optional(),
  aliases: z
    .array(MailAddress.overwrite(envelopeAddress).toLowerCase())
    .max(100)
    .default([])
    .meta({ description: "Addresses beside its own that it may send as, where its server lets it." }),
  imap: MailServer,
  smtp: MailServer.optional().meta({ description: "Without it the mailbox only receives." }),
  sentCopy: z.enum(["provider", "append"]).optional().meta({
    description:
      "Who puts what was sent into the Sent folder. Left out: the provider where it is known to (Google, Microsoft), else the fleet.",
  }),
  folder: line.min(1).default("INBOX"),
  folders: z.array(line.min(1)).max(20).default([]).meta({ description: "Watched as well, beside `folder`." }),
  startFrom: z.enum(["now", "beginning"]).default("now").meta({ description: "Which mail is read at first." }),
  backfill: z
    .string()
    .refine(isLifetime, "hours, days or weeks, such as 12h, 30d or 4w")
    .optional()
    .meta({ description: "With startFrom now: how far back mail is read too, in the background, such as 30d." }),
  senderTrust: SenderTrustEntry.prefault({}),
  credential: CredentialEntry,
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
  polling: z
    .strictObject({
      intervalSecondsMin: seconds(1, 3_600, "No two polls of a mailbox are closer. The fleet's where it is left out."),
      freshnessSeconds: seconds(
        10,
        86_400,
        "How old a mailbox's state may get: each is looked at twice in this time. The fleet's where it is left out.",
      ),
    })
    .prefault({}),
  retention: RetentionEntry.prefault({}),
  policy: TenantPolicyEntry.prefault({}),
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

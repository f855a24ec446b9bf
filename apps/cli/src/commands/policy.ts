import { outboundPolicies, type TenantPolicy } from "@mailfleet/database";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandLine } from "../command-line.ts";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { findTenant, missing } from "../find-resources.ts";
import { parseSequence } from "../parse-options.ts";

type SetOptions = Options &
  Partial<Pick<TenantPolicy, "outbound" | "quarantineMax" | "quarantineBytesMax" | "automaticAnswersPerDayMax">>;
type RuleOptions = Options & { readonly inbound?: string; readonly outbound?: string; readonly remove?: boolean };
type AllowOptions = Options & { readonly sender?: string; readonly recipient?: string; readonly remove?: boolean };

/** What is done about content, whom to attribute and whom to write to, one tenant each. */
export const addPolicy: AddCommand = (program, run) => {
  const policy = program.command("policy").description("what a tenant receives, holds and may send");
  addLeaf(policy, "show <tenant>", "a tenant's policy", "policy show acme").action((key: string, options: Options) =>
    run.asActor(options, async (session, print) => {
      const tenantId = await findTenant(session, key, "policy.read");
      const found = await session.database.policies.read(await session.authorize("policy.read", { tenantId }));
      print.one(found, describePolicy(found));
    }),
  );
  addLeaf(
    policy,
    "set <tenant>",
    "to whom a tenant may write, how much it holds, how often it answers by itself",
    "policy set acme --outbound replies-only",
  )
    .addOption(new Option("--outbound <policy>", "to whom it may write").choices(outboundPolicies))
    .option("--quarantine-max <n>", "so many messages are held, the oldest go first", parseSequence)
    .option("--quarantine-bytes-max <n>", "what is held weighs at most so many bytes", parseSequence)
    .option("--automatic-answers-per-day-max <n>", "so many automatic answers leave in any 24 hours", parseSequence)
    .action((key: string, options: SetOptions) => change(run, key, options, () => toChanges(options)));
  addRule(policy, run);
  addAllow(policy, run);
};

function toChanges({ outbound, ...numbers }: SetOptions): Partial<TenantPolicy> {
  const { quarantineMax, quarantineBytesMax, automaticAnswersPerDayMax } = numbers;
  const given = Object.entries({ quarantineMax, quarantineBytesMax, automaticAnswersPerDayMax });
  const set = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  if (outbound === undefined && Object.keys(set).length === 0) {
    const names = "--outbound, --quarantine-max, --quarantine-bytes-max or --automatic-answers-per-day-max";
    throw new UsageError("nothing to set", `Name ${names}.`);
  }
  return {
    ...(outbound && { outbound }),
    ...set,
  };
}

function addRule(policy: Command, run: CommandLine): void {
  const example = "policy rule acme executable-attachment --inbound quarantine";
  addLeaf(policy, "rule <tenant> <label>", "what is done about a label; '*' is every label without a rule", example)
    .addOption(new Option("--inbound <action>", "for mail that comes in").choices(["deliver", "flag", "quarantine"]))
    .addOption(new Option("--outbound <action>", "for mail that would leave").choices(["deliver", "hold", "refuse"]))
    .option("--remove", "back to the default: flag what comes in, hold what would leave")
    .action((key: string, label: string, options: RuleOptions) => {
      if (!/^(\*|[a-z0-9]+(-[a-z0-9]+)*)$/.test(label))
        throw new UsageError("a label is a name in kebab-case", "Such as secret-leaving, or '*'.");
      return change(run, key, options, (found) => withRule(found, label, options));
    });
}

function withRule(
  found: TenantPolicy,
  label: string,
  { inbound, outbound, remove }: RuleOptions,
): Partial<TenantPolicy> {
  if (remove === true) {
    const { [label]: _in, ...inboundActions } = found.inboundActions;
    const { [label]: _out, ...outboundActions } = found.outboundActions;
    return { inboundActions, outboundActions };
  }
  if (inbound === undefined && outbound === undefined)
    throw new UsageError("no action named", "Name --inbound, --outbound or --remove.");
  const rules = {
    ...(inbound && { inboundActions: { ...found.inboundActions, [label]: inbound } }),
    ...(outbound && { outboundActions: { ...found.outboundActions, [label]: outbound } }),
  };
  return rules as Partial<TenantPolicy>; // commander let no other word through
}

function addAllow(policy: Command, run: CommandLine): void {
  addLeaf(
    policy,
    "allow <tenant>",
    "put an address or @domain on a list of a tenant",
    "policy allow acme --recipient @example.org",
  )
    .option("--sender <pattern>", "whom to attribute, where it is proven to be them", parsePattern)
    .option("--recipient <pattern>", "whom an allow-list tenant may write to", parsePattern)
    .option("--remove", "take it off the list")
    .action((key: string, options: AllowOptions) =>
      run.asActor(options, async (session, print) => {
        const { sender, recipient, remove } = options;
        const direction = sender === undefined ? "recipient" : "sender";
        const pattern = sender ?? recipient;
        if (pattern === undefined || (sender !== undefined && recipient !== undefined))
          throw new UsageError("one list at a time", "Name either --sender or --recipient.");
        const tenantId = await findTenant(session, key, "policy.manage");
        const grant = await session.authorize("policy.manage", { tenantId });
        const entry = { direction, pattern } as const;
        if (remove !== true) await session.database.policies.allow(grant, entry);
        else if (!(await session.database.policies.disallow(grant, entry))) throw missing("entry");
        const listed = remove !== true;
        print.one(
          { tenant: key, ...entry, listed },
          { Tenant: key, List: direction, Pattern: pattern, Listed: String(listed) },
        );
      }),
    );
}

async function change(
  run: CommandLine,
  key: string,
  options: Options,
  changes: (found: TenantPolicy) => Partial<TenantPolicy>,
): Promise<void> {
  await run.asActor(options, async (session, print) => {
    const tenantId = await findTenant(session, key, "policy.manage");
    const grant = await session.authorize("policy.manage", { tenantId });
    await session.database.policies.change(grant, changes(await session.database.policies.read(grant)));
    const found = await session.database.policies.read(grant);
    print.one(found, describePolicy(found));
  });
}

function describePolicy({
  outbound,
  quarantineMax,
  quarantineBytesMax,
  automaticAnswersPerDayMax,
  inboundActions,
  outboundActions,
  senders,
  recipients,
}: TenantPolicy) {
  const rules = (all: object) =>
    Object.entries(all)
      .map(([label, action]) => `${label}: ${action}`)
      .join(", ") || null;
  return {
    ...{ "May write to": outbound, "Allowed recipients": recipients.join(", ") || null },
    ...{ "Inbound rules": rules(inboundActions), "Outbound rules": rules(outboundActions) },
    ...{
      "Attributed senders": senders.join(", ") || null,
      "Held at most": quarantineMax,
      "Bytes held at most": quarantineBytesMax,
    },
    "Automatic answers a day": automaticAnswersPerDayMax,
  };
}

/** `ada@example.org` or `@example.org`. */
function parsePattern(text: string): string {
  if (/^[^\s@]*@[^\s@]+\.[^\s@]+$/.test(text) && text.length <= 254) return text.toLowerCase();
  throw new InvalidArgumentError("Write an address, or a domain as @example.org.");
}

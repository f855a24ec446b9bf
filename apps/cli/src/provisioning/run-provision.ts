import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createImapMailSource } from "@mailfleet/mail-source";
import { createNetworkGuard } from "@mailfleet/runtime";
import type { Variables } from "../config.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { UsageError } from "../faults.ts";
import type { Session } from "../open-session.ts";
import type { Printer } from "../printer.ts";
import { applyPlan, type MailboxResult } from "./apply-plan.ts";
import { makePlan } from "./make-plan.ts";
import type { TenantStep } from "./plan-changes.ts";

export type ProvisionRequest = {
  readonly file: string;
  readonly dryRun: boolean;
  readonly prune: boolean;
  /** Of mailboxes whose entry does not say; undefined: none. */
  readonly backfillMs: number | undefined;
  /** Where `{ env: NAME }` is looked up. */
  readonly variables: Variables;
};

/** Reads, plans, tells the plan and carries it out. Fails where a mailbox could not be connected, the others done all the same. */
export async function runProvision(session: Session, print: Printer, request: ProvisionRequest): Promise<ExitCode> {
  const { file, dryRun, prune, backfillMs, variables } = request;
  const guard = createNetworkGuard(session.config.network);
  const places = { environment: variables, folder: dirname(file) };
  const plan = await makePlan(session, { text: await readYaml(file), name: file, places, guard, prune, backfillMs });
  const rows = plan.flatMap(toRows);
  const shown = rows.filter(({ action }) => action !== "unchanged");
  if (shown.length > 0) {
    print.table(shown, {
      tenant: ({ tenant }) => tenant,
      mailbox: ({ mailbox }) => mailbox,
      action: ({ action }) => action,
      changes: ({ changes }) => changes.join(", ") || null,
    });
  }
  print.note(summarise(rows));
  noteSuspended(plan, print);
  if (dryRun) {
    print.result({ dryRun, plan: rows, results: [] });
    return exitCodes.done;
  }

  const source = createImapMailSource({ guard, tls: session.config.tls(), now: session.now });
  const results = await applyPlan(session, source, plan);
  reportResults(results, print);
  print.result({ dryRun, plan: rows, results });
  return results.some(({ failure }) => failure !== null) ? exitCodes.failed : exitCodes.done;
}

async function readYaml(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new UsageError(`${path} cannot be read (${code})`, "Name a tenants file that is there with -f FILE.");
  }
}

type Row = {
  readonly tenant: string;
  readonly mailbox: string | null;
  readonly action: string;
  readonly changes: readonly string[];
};

function toRows({ key, action, changes, mailboxes }: TenantStep): readonly Row[] {
  const own = { tenant: key, mailbox: null, action, changes };
  return [
    own,
    ...mailboxes.map((step) => ({ tenant: key, mailbox: step.key, action: step.action, changes: step.changes })),
  ];
}

function summarise(rows: readonly Row[]): string {
  const counts = Map.groupBy(rows, ({ action }) => action);
  return `plan: ${[...counts].map(([action, { length }]) => `${length} ${action}`).join(", ") || "nothing"}`;
}

/** Suspending was someone's decision, and a file that is applied every night must not undo it. */
function noteSuspended(plan: readonly TenantStep[], print: Printer): void {
  for (const { key, existing, wanted } of plan) {
    if (wanted === null || existing === null || existing.state === "active") continue;
    print.note(
      `tenant ${key} is suspended, so its mailboxes were left alone; \`mailfleet tenant resume ${key}\` ends that`,
    );
  }
}

function reportResults(results: readonly MailboxResult[], print: Printer): void {
  if (results.length > 0) {
    print.table(results, {
      tenant: ({ tenant }) => tenant,
      mailbox: ({ mailbox }) => mailbox,
      state: ({ state }) => state,
      failure: ({ failure }) => failure,
    });
  }
  const failed = results.filter(({ failure }) => failure !== null);
  for (const { tenant, mailbox, failure } of failed) print.note(`${tenant}/${mailbox}: ${sayFailure(failure)}`);
  if (failed.length > 0)
    print.note(`error: ${failed.length} of ${results.length} mailboxes could not be connected; the others were`);
}

type Reason = NonNullable<MailboxResult["failure"]>;

/** In words that tell nothing of the server's own, and nothing of other tenants. */
const sentences: Partial<Record<Reason, string>> = {
  "binding.taken": "somebody has proven this mailbox already; whoever connected it must disconnect it first",
  "binding.unproven":
    "nobody has proven whose mailbox it is; run `mailfleet mailbox prove`, then the same command again",
  "connection.insecure":
    "the server offered no secure connection that can be verified; check port and security, or TLS_CA_FILE",
  "consent.missing": "the customer's administrator has not allowed the app; docs/guides says where",
  "credential.lost": "its refresh token is worth nothing any more; provide a new one",
  "folder.missing": "the folder does not exist or may not be read; correct `folder`",
  "host.refused": "the host leads to an address the fleet may not dial; allow its network in NETWORK_ALLOW_PRIVATE",
  "login.refused": "the server refused the sign-in; correct user or password",
  "login.suspect": "the server did not accept the sign-in this time; run the same command again",
  "login.taken": "this sign-in already belongs to a mailbox of this fleet; disconnect it there first",
  "provider-app.missing": "its credential names a provider app that is not there, or of another kind",
  "provider-app.refused": "the provider refused our app; give it new secrets with `mailfleet provider-app rotate`",
  "provider.throttled": "the server asks for a pause; run the same command again later",
  "provider.unavailable":
    "the server could not be reached or did not answer; check host and port, run the same command again",
};

function sayFailure(failure: MailboxResult["failure"]): string {
  return (failure && sentences[failure]) ?? `the login could not be checked (${failure}); run the same command again`;
}

import type { MailboxRow, ProvisionedTenant } from "@mailfleet/database";
import { MailboxId, Namespace, newId, Secret, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { mailboxIdentity } from "./mailbox-identity.ts";
import {
  findConflicts,
  mailboxSettings,
  needsLogin,
  type PlanInput,
  planChanges,
  type TenantStep,
  tenantSettings,
} from "./plan-changes.ts";
import type { WantedMailbox, WantedTenant } from "./read-tenants-file.ts";

const limits = {
  poll: { ratePerSecond: 10, burst: 50, inFlightMax: 20 },
  deliver: { ratePerSecond: 5, burst: 20, inFlightMax: 10 },
};

function wantMailbox(changes: Partial<WantedMailbox> = {}): WantedMailbox {
  return {
    key: "support",
    address: "support@acme.example",
    imap: { host: "imap.acme.example", port: 993, security: "tls" },
    smtp: { host: "smtp.acme.example", port: 465, security: "tls" },
    aliases: [],
    folder: "INBOX",
    folders: [],
    backfillMs: undefined,
    startFrom: "now",
    senderTrust: { trustedHop: { kind: "none" }, internalDomains: [], trustedSealers: [] },
    user: "support",
    credential: { flow: "password", user: "support", password: { env: "SECRET" } },
    secret: Secret.of("secret"),
    path: ["tenants", 0, "mailboxes", 0],
    ...changes,
  };
}

function want(changes: Partial<WantedTenant> = {}): WantedTenant {
  return {
    key: "acme",
    namespace: "acme",
    weight: 1,
    limits,
    polling: {},
    retention: { messagesDays: null, quarantineDays: null, submissionsDays: null, eventsDays: null },
    policy: {},
    mailboxes: [wantMailbox()],
    path: ["tenants", 0],
    ...changes,
  };
}

/** The rows as they are once `wanted` was applied. */
function stored(wanted: WantedTenant, changes: Partial<ProvisionedTenant> = {}): ProvisionedTenant {
  const { key, namespace, weight, mailboxes } = wanted;
  const policies = {
    uncertainPolicy: "hold",
    outboundPolicy: "open",
    quarantineMax: 10_000,
    quarantineBytesMax: 1,
    automaticAnswersPerDayMax: 1_000,
  } as const;
  const created = { createdAt: new Date(0), state: "active", ...policies } as const;
  return {
    ...{ id: newId(TenantId), key, namespace: Namespace.parse(namespace), weight, ...created },
    settings: tenantSettings(wanted),
    mailboxes: mailboxes.map((mailbox) => storedMailbox(mailbox)),
    ...changes,
  };
}

function storedMailbox(wanted: WantedMailbox, changes: Partial<MailboxRow> = {}): MailboxRow {
  const idle = {
    workState: "idle",
    nextDue: null,
    epoch: 0,
    failuresCount: 0,
    quietPassesCount: 0,
    eventSeq: 0,
    workerId: null,
    staleSince: null,
    activeSince: new Date(0),
    foldersSince: new Date(0),
  } as const;
  const state = {
    state: "active",
    stateReason: null,
    lastFailure: null,
    provenAt: new Date(0),
    createdAt: new Date(0),
  } as const;
  return {
    id: newId(MailboxId),
    tenantId: newId(TenantId),
    key: wanted.key,
    ...mailboxSettings(wanted),
    ...state,
    ...idle,
    ...changes,
  };
}

function plan(input: Partial<PlanInput>) {
  return planChanges({
    wanted: [],
    existing: [],
    credentialsDiffer: new Set(),
    policies: new Map(),
    prune: false,
    ...input,
  }).map(say);
}

const say = ({ key, action, changes, mailboxes }: TenantStep) => [
  [key, action, ...changes].join(" "),
  ...mailboxes.map((step) => [step.key, step.action, ...step.changes].join(" ")),
];

describe("a plan", () => {
  it("creates what is not there", () => {
    expect(plan({ wanted: [want()] })).toEqual([["acme create", "support create"]]);
  });

  it("of what was applied changes nothing", () => {
    expect(plan({ wanted: [want()], existing: [stored(want())] })).toEqual([["acme unchanged", "support unchanged"]]);
  });

  it.each([
    ["outlook.office365.com", { kind: "microsoft-365" }],
    ["IMAP.gmail.com", { kind: "authserv-id", id: "mx.google.com" }],
    ["mail.google.com.evil.example", { kind: "none" }],
  ])("believes at %s what is known of it, unless the entry says whom", (host, trustedHop) => {
    const imap = { host, port: 993, security: "tls" } as const;
    const silent = { internalDomains: [], trustedSealers: [] };
    expect(mailboxSettings(wantMailbox({ imap, senderTrust: silent })).senderTrust).toEqual({ ...silent, trustedHop });
    const said = { ...silent, trustedHop: { kind: "none" } as const };
    expect(mailboxSettings(wantMailbox({ imap, senderTrust: said })).senderTrust).toEqual(said);
  });

  it("names the settings that change, and none of their values", () => {
    const changed = wantMailbox({
      displayName: "Support",
      imap: { host: "mail.acme.example", port: 143, security: "starttls" },
    });
    const wanted = want({ weight: 2, limits: { ...limits, poll: { ...limits.poll, burst: 9 } }, mailboxes: [changed] });
    expect(plan({ wanted: [wanted], existing: [stored(want())] })).toEqual([
      ["acme update weight poll.burst", "support update displayName imap.host imap.port imap.security"],
    ]);
  });

  it("sees a retention that is asked for or taken back", () => {
    const kept = want({ retention: { ...want().retention, messagesDays: 90 } });
    const changed = [["acme update retention.messagesDays", "support unchanged"]];
    expect(plan({ wanted: [kept], existing: [stored(want())] })).toEqual(changed);
    expect(plan({ wanted: [want()], existing: [stored(kept)] })).toEqual(changed);
  });

  it("sees folders and a backfill that are asked for, and lets no backfill begin where all mail is read anyway", () => {
    const more = wantMailbox({ folders: ["Sent", "INBOX", "Sent"], backfillMs: 86_400_000 });
    expect(plan({ wanted: [want({ mailboxes: [more] })], existing: [stored(want())] })).toEqual([
      ["acme unchanged", "support update moreFolders backfillMs"],
    ]);
    expect(mailboxSettings(more)).toMatchObject({ moreFolders: ["Sent"], backfillMs: 86_400_000 });
    expect(mailboxSettings({ ...more, startFrom: "beginning" })).toMatchObject({ backfillMs: 0 });
  });

  it("sees aliases, which no login is needed for", () => {
    const known = wantMailbox({ aliases: ["sales@acme.example", "sales@acme.example"] });
    const steps = planChanges({
      ...{ wanted: [want({ mailboxes: [known] })], existing: [stored(want())] },
      ...{ credentialsDiffer: new Set(), policies: new Map(), prune: false },
    });
    expect(steps.map(say)).toEqual([["acme unchanged", "support update aliases"]]);
    expect(steps[0]?.mailboxes.map(needsLogin)).toEqual([false]);
    expect(mailboxSettings(known)).toMatchObject({ aliases: ["sales@acme.example"] });
  });

  it("sees a submission server that comes or goes, another user and another password", () => {
    const { smtp: _, ...receiving } = wantMailbox();
    expect(plan({ wanted: [want({ mailboxes: [receiving] })], existing: [stored(want())] })).toEqual([
      ["acme unchanged", "support update smtp"],
    ]);
    expect(
      plan({ wanted: [want({ mailboxes: [wantMailbox({ user: "other" })] })], existing: [stored(want())] }),
    ).toEqual([["acme unchanged", "support update credential.user"]]);
    const existing = stored(want());
    const credentialsDiffer = new Set(existing.mailboxes.map(({ id }) => MailboxId.parse(id)));
    expect(plan({ wanted: [want()], existing: [existing], credentialsDiffer })).toEqual([
      ["acme unchanged", "support update credential"],
    ]);
  });

  it("tries a mailbox again that is not active, and leaves a paused one paused", () => {
    const inState = (state: MailboxRow["state"]) =>
      stored(want(), { mailboxes: [storedMailbox(wantMailbox(), { state })] });
    expect(plan({ wanted: [want()], existing: [inState("pending")] })).toEqual([["acme unchanged", "support verify"]]);
    expect(plan({ wanted: [want()], existing: [inState("needs-attention")] })).toEqual([
      ["acme unchanged", "support verify"],
    ]);
    expect(plan({ wanted: [want()], existing: [inState("paused")] })).toEqual([
      ["acme unchanged", "support unchanged"],
    ]);
  });

  it("touches what the file does not name only to prune it, and then suspends or pauses and deletes nothing", () => {
    const beta = stored(want({ key: "beta", namespace: "beta" }));
    const acme = stored(want({ mailboxes: [wantMailbox(), wantMailbox({ key: "old", user: "old" })] }));
    const input = { wanted: [want()], existing: [acme, beta] };
    expect(plan(input)).toEqual([["acme unchanged", "support unchanged"]]);
    expect(plan({ ...input, prune: true })).toEqual([
      ["acme unchanged", "support unchanged", "old pause"],
      ["beta suspend"],
    ]);
  });

  it("leaves the mailboxes of a suspended tenant alone and does not resume it", () => {
    const suspended = stored(want(), { state: "suspended" });
    expect(plan({ wanted: [want({ weight: 3 })], existing: [suspended] })).toEqual([
      ["acme update weight", "support skip"],
    ]);
    expect(plan({ existing: [suspended], prune: true })).toEqual([]);
  });

  it("signs in wherever the server would notice or a login is owed, and nowhere else", () => {
    const needs = (change: string, state: MailboxRow["state"]) =>
      needsLogin({
        key: "m",
        action: "update",
        changes: [change],
        wanted: null,
        existing: storedMailbox(wantMailbox(), { state }),
      });
    for (const change of ["imap.port", "folder", "credential", "credential.user"])
      expect(needs(change, "active")).toBe(true);
    for (const change of ["displayName", "smtp.port", "address", "startFrom"]) {
      expect(needs(change, "active")).toBe(false);
      expect(needs(change, "pending")).toBe(true);
    }
  });
});

describe("a conflict", () => {
  const messages = (wanted: WantedTenant[], existing: ProvisionedTenant[]) =>
    findConflicts(wanted, existing).map(({ message }) => message);

  it("is a namespace that would change or that another tenant has, and a key that was offboarded", () => {
    expect(messages([want({ namespace: "other" })], [stored(want())])).toEqual(["a tenant's namespace never changes"]);
    expect(messages([want({ key: "new" })], [stored(want())])).toEqual(["another tenant has this namespace"]);
    expect(messages([want()], [stored(want(), { state: "offboarded" })])).toEqual([
      "this tenant was offboarded; its key is not used again",
    ]);
    expect(messages([want()], [stored(want())])).toEqual([]);
  });
});

describe("the identity of a mailbox", () => {
  const of = (host: string, user: string) => Buffer.from(mailboxIdentity({ host, user })).toString("hex");

  it("is one for every spelling of a host, and another for every user", () => {
    expect(of("IMAP.Example", "ada")).toBe(of("imap.example", "ada"));
    expect(of("imap.example", "Ada")).not.toBe(of("imap.example", "ada"));
  });

  it("is never the same for two pairs that are one text", () => {
    expect(of("imap.example", "ada")).not.toBe(of("imap.exampl", "eada"));
  });
});

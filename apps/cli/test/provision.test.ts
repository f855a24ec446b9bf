import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";

const passwords: Environment = { SUPPORT_PASSWORD: "planted-support", SALES_PASSWORD: "planted-sales" };
const users = [
  { address: "support@acme.example", password: "planted-support" },
  { address: "sales@acme.example", password: "planted-sales" },
  { address: "support@beta.example", password: "planted-support" },
];

let cli: CommandLineAtHand;
let mail: EmbeddedMail;
let reach: Environment;

beforeAll(async () => {
  cli = await commandLineAtHand();
  [mail] = await Promise.all([startEmbeddedMail({ users }), cli.init()]);
  await cli.write("ca.pem", mail.caPem);
  reach = {
    ...cli.operator,
    ...passwords,
    TLS_CA_FILE: cli.path("ca.pem"),
    NETWORK_ALLOW_PRIVATE: "127.0.0.0/8, ::1/128",
  };
});
afterAll(async () => {
  await cli.close();
  await mail.close();
});

type Entry = { readonly key: string; readonly user: string; readonly password?: string; readonly extra?: string };

function mailbox({ key, user, password = "SUPPORT_PASSWORD", extra = "" }: Entry): string {
  return `      - key: ${key}
        address: ${user}
        imap: { host: 127.0.0.1, port: ${mail.imapPort}, security: tls }
        smtp: { host: 127.0.0.1, port: ${mail.smtpPort}, security: tls }
        credential: { flow: password, user: ${user}, password: { env: ${password} } }
${extra}`;
}

const tenant = (key: string, mailboxes: readonly string[], extra = "") =>
  `  - key: ${key}\n${extra}    mailboxes:${mailboxes.length > 0 ? "" : " []"}\n${mailboxes.join("")}`;

const acme = (extra = "") =>
  tenant("acme", [
    mailbox({ key: "support", user: "support@acme.example", extra }),
    mailbox({ key: "sales", user: "sales@acme.example", password: "SALES_PASSWORD" }),
  ]);
const beta = () => tenant("beta", [mailbox({ key: "support", user: "support@beta.example" })]);

type Row = {
  readonly tenant: string;
  readonly mailbox: string | null;
  readonly action: string;
  readonly changes: string[];
};
type Outcome = {
  readonly plan: Row[];
  readonly results: readonly { mailbox: string; state: string; failure: string | null }[];
};

async function provision(
  tenants: readonly string[],
  { flags = "", env = reach }: { flags?: string; env?: Environment } = {},
) {
  await cli.write(
    "tenants.yaml",
    `apiVersion: mailfleet/v1\ntenants:${tenants.length > 0 ? "" : " []"}\n${tenants.join("")}`,
  );
  const ending = await cli.run(`provision -f ${cli.path("tenants.yaml")} --json ${flags}`, env);
  expect(ending.stdout + ending.stderr).not.toContain("planted");
  expect(ending.stdout).toMatch(/^[^\n]+\n$/);
  const outcome = ending.json() as Outcome;
  const plan = outcome.plan?.map(({ tenant, mailbox, action, changes }) =>
    [mailbox ?? tenant, action, ...changes].join(" "),
  );
  return { ...ending, plan, results: outcome.results };
}

async function mailboxes(): Promise<Record<string, unknown>> {
  const { json } = await cli.run("mailbox list --json");
  const rows = json() as { tenant: string; key: string; state: string; stateReason: string | null }[];
  return Object.fromEntries(
    rows.map(({ tenant, key, state, stateReason }) => [`${tenant}/${key}`, [state, stateReason]]),
  );
}

describe("provision", () => {
  it("tells a wrong file whole, with lines, and applies nothing of it", async () => {
    const wrong = acme("        folder: 7\n").replace("{ env: SALES_PASSWORD }", "planted-literal");
    const { code, stderr } = await provision([wrong, beta()]);
    expect(code).toBe(2);
    expect(stderr).toContain("10:9 tenants[0].mailboxes[0].folder: must be a string");
    expect(stderr).toMatch(/15:\d+ tenants\[0\]\.mailboxes\[1\]\.credential\.password: write \{ env: NAME \}/);
    expect((await cli.run("tenant list --json")).stdout).toBe("[]\n");
  });

  it("refuses a host in a private network that was not allowed, names the setting, and applies nothing", async () => {
    const { code, stderr } = await provision([acme()], { env: { ...reach, NETWORK_ALLOW_PRIVATE: "" } });
    expect(code).toBe(1);
    for (const place of ["0].imap.host", "0].smtp.host", "1].imap.host"]) expect(stderr).toContain(place);
    expect((await cli.run("tenant list --json")).stdout).toBe("[]\n");
  });

  it("only prints the plan of a dry run", async () => {
    const dry = await provision([acme(), beta()], { flags: "--dry-run" });
    expect(dry).toMatchObject({ code: 0, results: [] });
    expect(dry.plan).toEqual(["acme create", "support create", "sales create", "beta create", "support create"]);
    expect((await cli.run("tenant list --json")).stdout).toBe("[]\n");
  });

  it("connects what can sign in, and leaves pending what cannot, with exit 1 and the reason", async () => {
    const { code, results, stderr } = await provision([acme(), beta()], {
      env: { ...reach, SALES_PASSWORD: "planted-wrong" },
    });
    expect(code).toBe(1);
    expect(results).toEqual([
      { tenant: "acme", mailbox: "support", state: "active", failure: null },
      { tenant: "acme", mailbox: "sales", state: "pending", failure: "login.refused" },
      { tenant: "beta", mailbox: "support", state: "active", failure: null },
    ]);
    expect(stderr).toContain("acme/sales: the server refused the sign-in");
    expect(await mailboxes()).toMatchObject({
      "acme/support": ["active", null],
      "acme/sales": ["pending", "login.refused"],
    });
  });

  it("goes on where it stopped, and then changes nothing more", async () => {
    const second = await provision([acme(), beta()]);
    expect(second).toMatchObject({ code: 0, results: [{ mailbox: "sales", state: "active", failure: null }] });
    expect(second.plan).toEqual([
      "acme unchanged",
      "support unchanged",
      "sales update credential",
      "beta unchanged",
      "support unchanged",
    ]);
    const third = await provision([acme(), beta()]);
    expect(third).toMatchObject({ code: 0, results: [] });
    expect(third.plan.every((row) => row.endsWith(" unchanged"))).toBe(true);
  });

  it("shows whose results are believed in a mailbox, which is nobody's at a server it does not know", async () => {
    const hop =
      "        senderTrust: { trustedHop: { kind: authserv-id, id: mx.acme.example }, internalDomains: [acme.example] }\n";
    const support = async () => ({
      json: (await cli.run("mailbox show acme/support --json")).json() as { senderTrust: unknown },
      text: (await cli.run("mailbox show acme/support")).stdout,
    });
    expect((await support()).json.senderTrust).toMatchObject({ trustedHop: { kind: "none" } });
    const changed = "support update senderTrust.trustedHop.kind senderTrust.trustedHop.id senderTrust.internalDomains";
    expect((await provision([acme(hop)])).plan).toContain(changed);
    const { json, text } = await support();
    const trustedHop = { kind: "authserv-id", id: "mx.acme.example" };
    expect(json.senderTrust).toEqual({ trustedHop, internalDomains: ["acme.example"], trustedSealers: [] });
    expect(text).toMatch(/Results believed +of mx\.acme\.example/);
    const back = "support update senderTrust.trustedHop.kind senderTrust.internalDomains";
    expect((await provision([acme()])).plan).toContain(back);
    expect((await support()).json.senderTrust).toMatchObject({ trustedHop: { kind: "none" }, internalDomains: [] });
  });

  it("leaves a paused mailbox paused when it changes its settings", async () => {
    expect(await cli.run("mailbox pause acme/support")).toMatchObject({ code: 0 });
    const elsewhere = (text: string) => text.replace("host: 127.0.0.1", "host: localhost");
    const changed = await provision([elsewhere(acme()), beta()]);
    expect(changed).toMatchObject({ code: 0, results: [{ mailbox: "support", state: "paused", failure: null }] });
    expect(changed.plan).toContain("support update imap.host");
    expect(await mailboxes()).toMatchObject({ "acme/support": ["paused", "paused by an operator"] });
    expect(await provision([acme(), beta()])).toMatchObject({ code: 0 });
    expect(await cli.run("mailbox resume acme/support")).toMatchObject({ code: 0 });
  });

  it("keeps a working mailbox on its old settings when the new ones cannot sign in", async () => {
    const wrong = acme("        displayName: New\n        folder: Nowhere\n");
    const { code, results } = await provision([wrong, beta()]);
    expect(code).toBe(1);
    expect(results).toEqual([{ tenant: "acme", mailbox: "support", state: "active", failure: "folder.missing" }]);
    expect((await cli.run("mailbox show acme/support --json")).json()).toMatchObject({
      state: "active",
      folder: "INBOX",
      displayName: null,
    });
  });

  it("does not let a second tenant have a mailbox, and does not say who has it", async () => {
    const thief = tenant("thief", [mailbox({ key: "mine", user: "support@acme.example" })]);
    const { code, results, stderr } = await provision([thief]);
    expect(code).toBe(1);
    expect(results).toEqual([{ tenant: "thief", mailbox: "mine", state: "pending", failure: "login.taken" }]);
    expect(stderr).toContain("thief/mine: this sign-in already belongs to a mailbox of this fleet");
    expect(stderr).not.toContain("acme");
  });

  it("refuses to move a tenant to another namespace with exit 5, and applies nothing", async () => {
    const moved = tenant("acme", [], "    namespace: elsewhere\n    weight: 7\n");
    expect(await provision([moved])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("4:5 tenants[0].namespace"),
    });
    expect((await cli.run("tenant show acme --json")).json()).toMatchObject({
      namespace: "acme",
      settings: { weight: 1 },
    });
  });

  it("suspends and pauses with --prune what the file does not name, and leaves it without", async () => {
    const part = tenant("acme", [mailbox({ key: "support", user: "support@acme.example" })]);
    expect((await provision([part])).plan).toEqual(["acme unchanged", "support unchanged"]);
    const pruned = await provision([part], { flags: "--prune" });
    expect(pruned).toMatchObject({
      code: 0,
      plan: ["acme unchanged", "support unchanged", "sales pause", "beta suspend", "thief suspend"],
    });
    const states = (await cli.run("tenant list --json")).json() as { key: string; state: string }[];
    expect(states.map(({ key, state }) => `${key} ${state}`)).toEqual([
      "acme active",
      "beta suspended",
      "thief suspended",
    ]);
    expect(await mailboxes()).toMatchObject({ "acme/sales": ["paused", "pruned"] });
  });

  it("does not undo a suspension or a pause; resume does", async () => {
    const again = await provision([acme(), beta()]);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("mailfleet tenant resume beta") });
    expect(again.plan).toContain("support skip");
    expect((await cli.run("tenant resume beta --json")).json()).toMatchObject({ key: "beta", state: "active" });
    expect((await cli.run("mailbox resume acme/sales --json")).json()).toMatchObject({ state: "active" });
    expect(await mailboxes()).toMatchObject({ "acme/sales": ["active", null], "beta/support": ["active", null] });
  });

  it("takes aliases in any case, and `mailbox show` tells them", async () => {
    const { plan } = await provision([acme("        aliases: [Sales@acme.example, help@acme.example]\n"), beta()]);
    expect(plan).toContain("support update aliases");
    const { stdout } = await cli.run("mailbox show acme/support");
    expect(stdout).toMatch(/^Aliases +sales@acme\.example, help@acme\.example$/m);
    expect((await cli.run("mailbox show acme/support --json")).json()).toMatchObject({
      aliases: ["sales@acme.example", "help@acme.example"],
    });
  });

  it("shows people a table on stdout and the rest on stderr", async () => {
    const { stdout, stderr } = await cli.run(`provision -f ${cli.path("tenants.yaml")} --dry-run`, reach);
    expect(stdout).toBe("");
    expect(stderr).toBe("plan: 5 unchanged\n");
    const list = await cli.run("mailbox list --tenant acme");
    expect(list.stdout.split("\n")[0]).toMatch(/^TENANT +KEY +ADDRESS +STATE +REASON +NEXT DUE +STALE SINCE$/);
    expect(list.stderr).toBe("");
  });

  it("makes a tenant's policy what the file says of it, leaves the rest as it is, and then changes nothing more", async () => {
    const policy = `    policy:
      outbound: replies-only
      quarantineBytesMax: 2000000
      inboundActions: { executable-attachment: quarantine, "*": flag }
      senders: ["@Friends.example", ada@other.example, "@friends.example"]
`;
    const gamma = () => provision([tenant("gamma", [], policy)]);
    const shown = async () => (await cli.run("policy show gamma --json")).json();
    expect((await provision([tenant("gamma", [], policy)], { flags: "--dry-run" })).plan).toEqual(["gamma create"]);
    expect((await cli.run("policy show gamma --json")).code).not.toBe(0);
    expect(await gamma()).toMatchObject({ code: 0, plan: ["gamma create"] });
    const wanted = {
      ...{ outbound: "replies-only", quarantineMax: 10_000, automaticAnswersPerDayMax: 1_000 },
      ...{ outboundActions: {}, recipients: [] },
      quarantineBytesMax: 2_000_000,
      inboundActions: { "executable-attachment": "quarantine", "*": "flag" },
      senders: ["@friends.example", "ada@other.example"],
    };
    expect(await shown()).toEqual(wanted);
    expect(await gamma()).toMatchObject({ code: 0, plan: ["gamma unchanged"] });

    for (const change of [
      "set gamma --outbound open",
      "allow gamma --sender eve@evil.example",
      "set gamma --quarantine-max 7",
    ])
      expect((await cli.run(`policy ${change}`)).code).toBe(0);
    await cli.run("policy rule gamma invisible-text --inbound deliver");
    const back = ["gamma update policy.outbound policy.inboundActions policy.senders"];
    expect((await provision([tenant("gamma", [], policy)], { flags: "--dry-run" })).plan).toEqual(back);
    expect(await shown()).toMatchObject({ outbound: "open", senders: expect.arrayContaining(["eve@evil.example"]) });
    expect((await gamma()).plan).toEqual(back);
    expect(await shown()).toEqual({ ...wanted, quarantineMax: 7 });
    expect((await provision([tenant("gamma", [])])).plan).toEqual(["gamma unchanged"]);

    const wrong = "    policy: { inboundActions: { spam: refuse }, recipients: [everybody] }\n";
    const { code, stderr } = await provision([tenant("gamma", [], wrong)]);
    expect(code).toBe(2);
    expect(stderr).toContain("tenants[0].policy.inboundActions.spam");
    expect(stderr).toContain("an address, or a domain as @example.org");
  });

  it("prints the JSON Schema of its file without any configuration", async () => {
    const { code, json } = await cli.run("provision schema --json", { DATABASE_URL: "" });
    expect({ code, schema: json() }).toMatchObject({ code: 0, schema: { required: ["apiVersion", "tenants"] } });
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { FileFaults } from "../faults.ts";
import { readTenantsFile } from "./read-tenants-file.ts";

const folder = mkdtempSync(join(tmpdir(), "mailfleet-tenants-file-"));
writeFileSync(join(folder, "sales-password"), "from-a-file\n");
writeFileSync(join(folder, "empty"), "\n");
afterAll(() => rmSync(folder, { recursive: true }));

const planted = "planted-hunter2";
const environment = { SUPPORT_PASSWORD: "from-the-environment", EMPTY: "" };

const good = `apiVersion: mailfleet/v1
tenants:
  - key: acme
    mailboxes:
      - key: support
        address: support@acme.example
        imap: { host: imap.acme.example, port: 993, security: tls }
        credential: { flow: password, user: support@acme.example, password: { env: SUPPORT_PASSWORD } }
      - key: sales
        address: sales@acme.example
        displayName: Acme Sales
        imap: { host: imap.acme.example, port: 143, security: starttls }
        smtp: { host: smtp.acme.example, port: 587, security: starttls }
        folder: Archive
        startFrom: beginning
        credential: { flow: password, user: sales@acme.example, password: { file: sales-password } }
`;

const read = (text: string) => readTenantsFile(text, "tenants.yaml", { environment, folder });

function faultsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof FileFaults)) throw error;
    expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toMatch(/planted.hunter2/);
    return error.faults.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
  }
  return [];
}

describe("a tenants file", () => {
  it("is read with its defaults", () => {
    const [acme] = read(good).tenants;
    expect(acme).toMatchObject({ key: "acme", namespace: "acme", weight: 1 });
    expect(acme?.limits.poll).toEqual({ ratePerSecond: 10, burst: 50, inFlightMax: 20 });
    expect(acme?.mailboxes).toMatchObject([
      { key: "support", folder: "INBOX", startFrom: "now" },
      { key: "sales", folder: "Archive", startFrom: "beginning", displayName: "Acme Sales" },
    ]);
  });

  it("takes secrets from the environment and from files beside it, without the last line break", () => {
    const passwords = read(good).tenants.flatMap(({ mailboxes }) => mailboxes.map(({ secret }) => secret?.reveal()));
    expect(passwords).toEqual(["from-the-environment", "from-a-file"]);
  });

  it("refuses a secret that stands in it, names the line and does not repeat it", () => {
    const refusal =
      "tenants[0].mailboxes[0].credential.password: write { env: NAME } or { file: PATH }; a secret never stands in this file";
    for (const literal of [planted, `"${planted}"`, `{ ${planted}: x }`, `[${planted}]`]) {
      expect(faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", literal)), literal).toEqual([`8:67 ${refusal}`]);
    }
  });

  it("does not repeat a secret that was written where a name belongs", () => {
    const withPassword = (source: string) => faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", source));
    const [at] = withPassword(`{ env: ${planted} }`);
    expect(at).toBe(
      "8:79 tenants[0].mailboxes[0].credential.password.env: must be the name of an environment variable",
    );
    expect(withPassword(`{ env: ${planted.replace("-", "_")} }`)).toHaveLength(1);
    expect(withPassword(`{ file: ${planted} }`)).toHaveLength(1);
  });

  it("does not repeat a secret that breaks the YAML itself", () => {
    expect(faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", `*${planted}`))).toEqual([
      "8:77 (file): refers to an anchor that is not there; quote a text that begins with *",
    ]);
    expect(faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", `"${planted}`)).length).toBeGreaterThan(0);
    expect(faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", `"\\q${planted}"`)).length).toBeGreaterThan(0);
    expect(faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", `!${planted} x`)).length).toBeGreaterThan(0);
  });

  it("names a secret that is not where the file says", () => {
    const at = "tenants[0].mailboxes[0].credential.password";
    const withPassword = (source: string) => faultsOf(good.replace("{ env: SUPPORT_PASSWORD }", source));
    expect(withPassword("{ env: ABSENT }")).toEqual([
      `8:67 ${at}: the environment variable it names is not set or empty`,
    ]);
    expect(withPassword("{ env: EMPTY }")).toEqual([
      `8:67 ${at}: the environment variable it names is not set or empty`,
    ]);
    expect(withPassword("{ file: absent }")).toEqual([`8:67 ${at}: the secret's file cannot be read (ENOENT)`]);
    expect(withPassword("{ file: empty }")).toEqual([`8:67 ${at}: the secret's file is empty`]);
  });

  it("tells every fault at once, each with path, line and column, in the order of the file", () => {
    const faulty = `apiVersion: mailfleet/v2
tenants:
  - key: Acme
    weigth: 2
  - key: beta
    namespace: shared
    mailboxes:
      - key: one
        imap: { host: imap.example, port: 99300, security: plain }
        address: nobody
        credential: { flow: password, user: u, password: { env: ABSENT } }
  - key: beta
    namespace: shared
    mailboxes: [{ key: m }, { key: m }]
`;
    expect(faultsOf(faulty)).toEqual([
      "1:1 apiVersion: must be mailfleet/v1",
      "3:5 tenants[0].key: lower-case letters, digits and hyphens, at most 63",
      "4:5 tenants[0].weigth: there is no such setting",
      "9:37 tenants[1].mailboxes[0].imap.port: Too big: expected number to be <=65535",
      "9:50 tenants[1].mailboxes[0].imap.security: must be tls or starttls",
      "10:9 tenants[1].mailboxes[0].address: must be an email address",
      "11:48 tenants[1].mailboxes[0].credential.password: the environment variable it names is not set or empty",
      "12:5 tenants[2].key: another tenant in this file has the same key",
      "13:5 tenants[2].namespace: another tenant in this file has the same namespace",
      ...["address", "imap", "credential"].map((name) => `14:17 tenants[2].mailboxes[0].${name}: is missing`),
      ...["address", "imap", "credential"].map((name) => `14:29 tenants[2].mailboxes[1].${name}: is missing`),
      "14:31 tenants[2].mailboxes[1].key: another mailbox of this tenant has the same key",
    ]);
  });

  it("is refused where two mailboxes would sign in as one", () => {
    const twice = good
      .replace("user: sales@acme.example", "user: support@acme.example")
      .replace("host: imap.acme", "host: IMAP.acme");
    expect(faultsOf(twice)).toEqual([
      "16:39 tenants[0].mailboxes[1].credential.user: another mailbox in this file signs in to the same host with the same user",
    ]);
  });

  it.each([
    ["nothing", ""],
    ["a list", "- a\n- b\n"],
    ["text", "hello"],
    ["a map named twice", "apiVersion: mailfleet/v1\napiVersion: mailfleet/v1\ntenants: []\n"],
    ["two documents", "apiVersion: mailfleet/v1\ntenants: []\n---\napiVersion: mailfleet/v1\ntenants: []\n"],
    [
      "aliases that multiply",
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefgh"].map((n, i) => `${n}: &${n} [${`*${"abcdefg"[i]},`.repeat(9)}]`).join("\n")}\n`,
    ],
  ])("that is %s is refused with a line", (_, text) => {
    expect(faultsOf(text)[0]).toMatch(/^\d+:\d+ /);
  });
});

import { stat } from "node:fs/promises";
import { freePort } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand } from "./command-line-at-hand.ts";

let cli: CommandLineAtHand;
beforeAll(async () => {
  cli = await commandLineAtHand();
});
afterAll(() => cli.close());

const oneLine = /^[^\n]+\n$/;

describe("before init", () => {
  it("a wrong configuration is told whole, with exit 2 and no value", async () => {
    const wrong = {
      DATABASE_URL: "mysql://planted",
      KMS_KEY_ID: "planted",
      NETWORK_ALLOW_PRIVATE: "planted",
      MAILFLEET_TOKEN: "planted",
      MAILFLEET_TOKEN_FILE: "planted",
    };
    const { code, stdout, stderr, json } = await cli.runProcess("config check --json", wrong);
    expect(code).toBe(2);
    expect(stdout).toMatch(oneLine);
    expect(stdout + stderr).not.toContain("planted");
    for (const name of ["DATABASE_URL", "NETWORK_ALLOW_PRIVATE", "MAILFLEET_TOKEN"])
      expect(stderr).toContain(`  ${name}: `);
    expect(json()).toMatchObject({ error: { code: "configuration.faulty", exitCode: 2, faults: expect.any(Array) } });
  });

  it("a key of both kinds is a fault of the configuration", async () => {
    const { code, stderr } = await cli.run("config check", { KMS_KEY_ID: "planted" });
    expect(code).toBe(2);
    expect(stderr).toContain("KMS_LOCAL_KEY_FILE, KMS_KEY_ID: set exactly one of them");
  });

  it("config check tells where each variable comes from and prints no value", async () => {
    await cli.write("url", cli.environment["DATABASE_URL"] ?? "");
    const { code, json, stdout } = await cli.run("config check --json", {
      DATABASE_URL: "",
      DATABASE_URL_FILE: cli.path("url"),
    });
    expect(code).toBe(0);
    expect(stdout).not.toContain("postgres://");
    expect(stdout).not.toContain(cli.path("wrapping.key"));
    expect(json()).toContainEqual(expect.objectContaining({ name: "DATABASE_URL", source: "DATABASE_URL_FILE" }));
    expect(json()).toContainEqual(expect.objectContaining({ name: "KMS_LOCAL_KEY_FILE", source: "environment" }));
    expect(json()).toContainEqual(expect.objectContaining({ name: "MAILFLEET_TOKEN", source: "not set" }));
  });

  it("a command without a token says which variable to set, and one on an empty database names the command that helps", async () => {
    const [tokenless, empty] = await Promise.all([cli.run("status", {}), cli.run("status", { MAILFLEET_TOKEN: "x" })]);
    expect(tokenless).toMatchObject({ code: 2, stderr: expect.stringContaining("MAILFLEET_TOKEN: is not set") });
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining("mailfleet db migrate") });
  });

  it("a database that does not answer is exit 75, and one that is not there exit 2", async () => {
    const [unreachable, absent] = await Promise.all([
      cli.run("db migrate", { DATABASE_URL: `postgres://postgres@127.0.0.1:${await freePort()}/x` }),
      cli.run("db migrate", { DATABASE_URL: `${cli.environment["DATABASE_URL"]}_absent` }),
    ]);
    expect(unreachable).toMatchObject({ code: 75, stderr: expect.stringContaining("the database does not answer") });
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining("no such database") });
  });

  it("help is exit 0 with an example, and a misspelt command or option exit 2 with a suggestion", async () => {
    const [help, command, option, nothing] = await Promise.all([
      cli.run("init --help"),
      cli.runProcess("mesage list --json"),
      cli.run("message list --jsn"),
      cli.run("message show"),
    ]);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining("$ mailfleet init --token-out") });
    expect(command).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(oneLine),
      stderr: expect.stringContaining("Did you mean message?"),
    });
    expect(option).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean --json?") });
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining("missing required argument 'id'") });
  });
});

describe("init", () => {
  it("applies the schema, which applied twice is nothing", async () => {
    expect((await cli.run("db migrate --json", {})).json()).toEqual({ appliedCount: expect.any(Number) });
    const again = await cli.run("db migrate --json", {});
    expect(again).toMatchObject({ code: 0, stdout: '{"appliedCount":0}\n' });
  });

  it("does not write over a file and leaves no operator behind when it could not write", async () => {
    await cli.write("taken", "mine");
    expect(await cli.run(`init --token-out ${cli.path("taken")}`, {})).toMatchObject({ code: 5 });
    expect(await cli.run(`init --token-out ${cli.path("absent/token")}`, {})).toMatchObject({ code: 2 });
    expect(await cli.read("taken")).toBe("mine");
  });

  it("makes one operator, however many run it at once", async () => {
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
    const runs = await Promise.all(
      numbers.map((number) => cli.run(["init", "--json", "--token-out", cli.path(`operator-${number}`)], {})),
    );
    expect(runs.map(({ code }) => code).toSorted()).toEqual([0, ...numbers.slice(1).map(() => 5)]);
    const winner = runs.findIndex(({ code }) => code === 0) + 1;
    for (const number of numbers) {
      const file = await stat(cli.path(`operator-${number}`)).catch(() => null);
      expect(file === null ? null : file.mode & 0o777).toBe(number === winner ? 0o600 : null);
    }
    expect(runs[winner - 1]?.json()).toMatchObject({ name: "operator", tokenFile: cli.path(`operator-${winner}`) });
    await cli.write("operator.token", await cli.read(`operator-${winner}`));
  });

  it("makes the wrapping key, for its owner alone, and its token is an operator's", async () => {
    expect((await stat(cli.path("wrapping.key"))).mode & 0o777).toBe(0o600);
    expect(await cli.runProcess("status --json")).toMatchObject({ code: 0, stdout: '{"tenants":[]}\n' });
  });

  it("refuses a second run with exit 5, and makes no file for it", async () => {
    const second = await cli.run(["init", "--json", "--token-out", cli.path("second")], {
      KMS_LOCAL_KEY_FILE: cli.path("second.key"),
    });
    expect(second.code).toBe(5);
    expect(second.stdout).toMatch(oneLine);
    expect(second.json()).toMatchObject({ error: { code: "resource.conflicting" } });
    await expect(cli.read("second")).rejects.toThrow("ENOENT");
    await expect(cli.read("second.key")).rejects.toThrow("ENOENT");
  });

  it("tells a token that is none, or was cut off, with exit 3 and does not print it", async () => {
    const token = (await cli.read("operator.token")).trim();
    const [none, cut] = await Promise.all([
      cli.run("status", { MAILFLEET_TOKEN: "planted" }),
      cli.run("status", { MAILFLEET_TOKEN: token.slice(0, -8) }),
    ]);
    expect(none).toMatchObject({ code: 3, stderr: expect.not.stringContaining("planted") });
    expect(cut).toMatchObject({ code: 3, stderr: expect.not.stringContaining(token.slice(10, 40)) });
  });
});

describe("operators", () => {
  it("can make another operator, whose token works until it is revoked, and never leave the fleet without one", async () => {
    const made = await cli.run(["operator", "create", "--json", "--name", "ada", "--token-out", cli.path("ada.token")]);
    expect(made).toMatchObject({ code: 0 });
    const ada = { MAILFLEET_TOKEN_FILE: cli.path("ada.token") };
    expect(await cli.run("status --json", ada)).toMatchObject({ code: 0 });
    expect((await cli.run("operator list --json", ada)).json()).toMatchObject([{ name: "ada" }, { name: "operator" }]);
    expect(await cli.run(["operator", "create", "--name", "ada", "--token-out", cli.path("b")])).toMatchObject({
      code: 5,
    });

    expect(await cli.run("operator revoke ada")).toMatchObject({ code: 0 });
    expect(await cli.run("status", ada)).toMatchObject({ code: 3 });
    expect(await cli.run("operator revoke operator")).toMatchObject({ code: 5 });
    expect(await cli.run("operator revoke nobody")).toMatchObject({ code: 4 });
  });
});

describe("the signing key", () => {
  it("can be replaced: older tokens stay good until their key is retired", async () => {
    const older = (await cli.run("signing-key list --json")).json() as { kid: string }[];
    expect(await cli.run(`signing-key retire ${older.at(-1)?.kid}`)).toMatchObject({ code: 5 }); // it is the one that signs
    expect(await cli.run("signing-key rotate")).toMatchObject({ code: 0 });
    expect(await cli.run("status")).toMatchObject({ code: 0 });
    await cli.run(["operator", "create", "--name", "grace", "--token-out", cli.path("grace.token")]);
    const grace = { MAILFLEET_TOKEN_FILE: cli.path("grace.token") };

    for (const { kid } of older) expect(await cli.run(`signing-key retire ${kid}`, grace)).toMatchObject({ code: 0 });
    expect(await cli.run("status")).toMatchObject({ code: 3 });
    expect(await cli.run("status", grace)).toMatchObject({ code: 0 });
    expect(await cli.run(`signing-key retire ${older[0]?.kid}`, grace)).toMatchObject({ code: 4 });
  });
});

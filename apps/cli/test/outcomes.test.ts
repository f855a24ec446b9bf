import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand } from "./command-line-at-hand.ts";

let cli: CommandLineAtHand;
beforeAll(async () => {
  cli = await commandLineAtHand();
  expect(await cli.init()).toMatchObject({ code: 0 });
  await cli.write(
    "tenants.yaml",
    "apiVersion: mailfleet/v1\ntenants: [{ key: acme, mailboxes: [] }, { key: beta, mailboxes: [] }]\n",
  );
  expect(await cli.run(`provision -f ${cli.path("tenants.yaml")}`)).toMatchObject({ code: 0 });
});
afterAll(() => cli.close());

describe("suppression", () => {
  it("adds, lists and removes an address of one tenant, in lower case, and says when there is none", async () => {
    const added = await cli.run("suppression add --tenant acme Dead@Example.com --json");
    expect(added).toMatchObject({ code: 0 });
    expect((await cli.run("suppression add --tenant acme dead@example.com --json")).json()).toMatchObject({
      added: false,
    });
    const listed = (await cli.run("suppression list --tenant acme --json")).json();
    expect(listed).toEqual([
      expect.objectContaining({ address: "dead@example.com", reason: "added", submissionId: null }),
    ]);
    expect((await cli.run("suppression list --tenant beta --json")).json()).toEqual([]);
    expect(await cli.run("suppression remove --tenant acme dead@example.com")).toMatchObject({ code: 0 });
    expect(await cli.run("suppression remove --tenant acme dead@example.com")).toMatchObject({ code: 4 });
  });

  it("is not for a tenant's agent, which could write again to whoever complained", async () => {
    const made = (await cli.run("actor create --tenant acme --kind agent --name assistant --json")).json();
    const agent = { MAILFLEET_TOKEN: (made as { token: string }).token };
    expect(await cli.run("suppression remove dead@example.com", agent)).toMatchObject({ code: 3 });
    expect(await cli.run("submission policy --to resend", agent)).toMatchObject({ code: 3 });
  });
});

describe("submission", () => {
  it("policy sets what follows an unknown outcome, and knows no third way", async () => {
    const set = await cli.run("submission policy --tenant acme --to resend --json");
    expect(set.json()).toMatchObject({ uncertain: "resend" });
    expect(await cli.run("submission policy --tenant acme --to guess")).toMatchObject({ code: 2 });
  });

  it("release refuses what is not there", async () => {
    expect(await cli.run(`submission release --tenant acme ${randomUUID()}`)).toMatchObject({ code: 4 });
  });
});

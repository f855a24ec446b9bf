import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandLineAtHand, commandLineAtHand, type Environment } from "./command-line-at-hand.ts";

const directoryId = "0b9c1d3e-1111-4222-8333-444455556666";
let cli: CommandLineAtHand;
let reach: Environment;

beforeAll(async () => {
  cli = await commandLineAtHand();
  await cli.init();
  reach = { ...cli.operator, NETWORK_ALLOW_PRIVATE: "127.0.0.0/8, ::1/128" };
});
afterAll(() => cli.close());

type Entry = { readonly tenant?: string; readonly address: string; readonly flow?: string; readonly asserted?: string };

/** With an app that is not registered: whoever is proven fails on that, before anything leaves this machine. */
async function provision({
  tenant = "acme",
  address,
  flow = "microsoft-client-credentials",
  asserted,
}: Entry): Promise<{ state: string; failure: string; stderr: string }> {
  const assertion = asserted === undefined ? "" : `, assertedDirectory: ${asserted}`;
  const text = `apiVersion: mailfleet/v1
tenants:
  - key: ${tenant}
    mailboxes:
      - key: ${flow}
        address: ${address}
        imap: { host: 127.0.0.1, port: 1, security: tls }
        credential: { flow: ${flow}, user: ${address}, app: not-there${assertion} }
`;
  await cli.write("tenants.yaml", text);
  const { json, stderr } = await cli.run(`provision -f ${cli.path("tenants.yaml")} --json`, reach);
  const { results } = json() as { results: readonly [{ state: string; failure: string }] };
  return { ...results[0], stderr };
}

async function bindingOf(name: string): Promise<unknown> {
  const { json } = await cli.run(`mailbox show ${name} --json`);
  return (json() as { binding: unknown }).binding;
}

describe.each([
  ["microsoft-client-credentials", "microsoft", directoryId],
  ["google-service-account", "google", "contoso.example"],
])("provision with %s", (flow, provider, directory) => {
  const name = `acme/${flow}`;

  it("leaves a mailbox pending that nobody has proven, and says how to prove it", async () => {
    const outcome = await provision({ flow, address: "typo@contoso.example" });
    expect(outcome).toMatchObject({ state: "pending", failure: "binding.unproven" });
    expect(outcome.stderr).toContain("mailfleet mailbox prove");
    expect(await bindingOf(name)).toBeNull();
  });

  it("lets its address be corrected before it is proven, and goes on once it is", async () => {
    expect(await provision({ flow, address: "desk@contoso.example" })).toMatchObject({ failure: "binding.unproven" });
    const asserted = await cli.run(
      `mailbox prove ${name} --by assertion --provider ${provider} --directory ${directory}`,
    );
    expect(asserted.code).toBe(0);
    expect(await bindingOf(name)).toMatchObject({ provider, directory, subject: "desk@contoso.example" });
    expect(await provision({ flow, address: "desk@contoso.example" })).toMatchObject({
      failure: "provider-app.missing",
    });
  });

  it("takes an operator's word from the file, which another tenant's file cannot take over", async () => {
    const address = `own-${provider}@contoso.example`;
    const wish = { flow, address, asserted: directory };
    expect(await provision({ ...wish, tenant: "ours" })).toMatchObject({ failure: "provider-app.missing" });
    expect(await bindingOf(`ours/${flow}`)).toMatchObject({ provider, directory, proof: "assertion" });
    const { stdout } = await cli.run("audit list --json");
    expect(stdout).toContain(`assertion:${provider}:${directory}`);
    const second = await provision({ ...wish, tenant: "theirs" });
    expect(second).toMatchObject({ state: "pending", failure: "binding.taken" });
    expect(second.stderr).not.toContain("ours");
  });
});

it("says of a file that names a directory which is none where it stands, and applies nothing", async () => {
  await expect(provision({ tenant: "faulty", address: "a@contoso.example", asserted: "contoso" })).rejects.toThrow();
  expect((await cli.run("tenant list --json")).stdout).not.toContain("faulty");
});

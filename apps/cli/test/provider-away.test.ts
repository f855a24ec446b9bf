import { hasServer, startDovecot, startOauthServer } from "@mailfleet/testkit/servers";
import { describe, expect, it } from "vitest";
import { commandLineAtHand } from "./command-line-at-hand.ts";

const user = "ada@north.test";

describe.skipIf(!hasServer("dovecot"))("a provider that is away", () => {
  it("does not keep a credential from being revoked here", async () => {
    const [cli, oauth] = await Promise.all([commandLineAtHand(), startOauthServer()]);
    const dovecot = await startDovecot({ tokens: oauth.introspection() });
    try {
      await cli.init();
      await cli.write("ca.pem", oauth.caPem);
      const { issuer, tokenEndpoint, webApp } = oauth;
      const app = { kind: "oidc", issuer, tokenEndpoint, clientId: webApp.clientId, clientSecret: { env: "SECRET" } };
      await cli.write("app.yaml", JSON.stringify(app));
      const imap = { host: "localhost", port: dovecot.imapsPort, security: "tls" };
      const credential = { flow: "oauth-refresh-token", user, app: "issuer", refreshToken: { env: "TOKEN" } };
      const mailboxes = [{ key: "ada", address: user, imap, credential }];
      await cli.write(
        "tenants.yaml",
        JSON.stringify({ apiVersion: "mailfleet/v1", tenants: [{ key: "acme", mailboxes }] }),
      );
      const reach = {
        ...cli.operator,
        ...{ SECRET: webApp.clientSecret, TOKEN: await oauth.consent(user), TLS_CA_FILE: cli.path("ca.pem") },
        NETWORK_ALLOW_PRIVATE: "127.0.0.0/8, ::1/128",
      };
      await cli.run(`provider-app add issuer -f ${cli.path("app.yaml")}`, reach);
      const provisioned = await cli.run(`provision -f ${cli.path("tenants.yaml")}`, reach);
      expect(provisioned.code, provisioned.stderr).toBe(0);
      await oauth.close();

      const revoked = await cli.run("credential revoke acme/ada --json", reach);
      expect(revoked.code, revoked.stderr).toBe(0);
      expect(revoked.json()).toMatchObject({ destroyed: true, provider: "failed" });
      expect(revoked.stderr).toContain("at the provider too");
      expect((await cli.run("audit list --json", reach)).stdout).toContain("provider-revocation:failed");
      expect((await cli.run("mailbox list --json", reach)).json()).toMatchObject([{ state: "needs-attention" }]);
    } finally {
      await Promise.all([cli.close(), dovecot.close(), oauth.close()]);
    }
  });
});

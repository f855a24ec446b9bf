import type Provider from "oidc-provider";
import { mailScope } from "./oauth-clients.ts";

/** What users do: consent, take it back; and what an administrator does to a token. */
export function consents(provider: () => Provider, clientId: string) {
  const families = new Map<string, string[]>();
  const remember = (user: string, grantId: string): void => {
    families.set(user, [...(families.get(user) ?? []), grantId]);
  };
  return {
    remember,
    async consent(user: string): Promise<string> {
      const { Client, Grant, RefreshToken } = provider();
      const client = await Client.find(clientId);
      const grant = new Grant({ accountId: user, clientId });
      const scope = `openid offline_access ${mailScope}`;
      grant.addOIDCScope(scope);
      const grantId = await grant.save();
      remember(user, grantId);
      const authTime = Math.floor(Date.now() / 1_000);
      const fields = { accountId: user, client, grantId, scope, gty: "authorization_code", authTime, claims: {} };
      return new RefreshToken(fields as never).save();
    },
    async consentsCount(user: string): Promise<number> {
      const found = (families.get(user) ?? []).map((grantId) => provider().Grant.find(grantId));
      return (await Promise.all(found)).filter((grant) => grant !== undefined).length;
    },
    async withdraw(user: string): Promise<void> {
      const { AccessToken, Grant, RefreshToken } = provider();
      for (const grantId of families.get(user) ?? []) {
        await AccessToken.revokeByGrantId(grantId);
        await RefreshToken.revokeByGrantId(grantId);
        await (await Grant.find(grantId))?.destroy();
      }
    },
    async revoke(accessToken: string): Promise<void> {
      const { AccessToken, ClientCredentials } = provider();
      const found = (await AccessToken.find(accessToken)) ?? (await ClientCredentials.find(accessToken));
      await found?.destroy();
    },
  };
}

import { type CredentialId, OperationalError, Secret } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { OauthRefreshTokenMaterial, ProviderAppMaterial } from "@mailfleet/token-providers";
import { type CredentialRow, createCredentialStore, createSealedStores } from "@mailfleet/vault";
import type { Session } from "../open-session.ts";
import { type Target, within } from "./stage-credential.ts";

/**
 * What became of the consent at its provider: `none` where the credential was no refresh token, `not-offered` where the
 * provider has no way to be told, `failed` where it did not answer in time, or the token could not be opened any more.
 */
export type ToldProvider = "revoked" | "not-offered" | "failed" | "none";

/** A credential's sealed bytes, remembered from before they were destroyed. */
export type Remembered = {
  readonly target: Target;
  readonly row: CredentialRow;
  readonly grant: Grant<"credential.manage">;
};
type OpenConsent = { readonly app: string; readonly refreshToken: Secret };

/** Reads sealed bytes and opens nothing: a key service that is away holds no revocation up. Null where there is nothing to tell. */
export async function rememberCredential(session: Session, target: Target): Promise<Remembered | null> {
  try {
    const grant = await session.authorize("credential.manage", target);
    const row = await session.database.credentials.current(grant, target.mailboxId);
    return row === null || row.flow !== "oauth-refresh-token" ? null : { target, row, grant };
  } catch (error) {
    if (error instanceof OperationalError && error.code === "gate.denied") return null; // who may end it need not open it
    throw error;
  }
}

/** Called when the credential is destroyed here already; bounded in time, fails at nothing, and is written into the audit log. */
export async function tellProvider(session: Session, remembered: Remembered | null): Promise<ToldProvider> {
  if (remembered === null) return "none";
  const consent = await openConsent(session, remembered);
  const told = consent === null ? "failed" : await endConsent(session, consent);
  await session.authorize("mailbox.manage", { ...remembered.target, subjectId: `provider-revocation:${told}` });
  return told;
}

/** Null where it does not open: then there is nothing to tell. */
export async function openConsent(session: Session, { target, row, grant }: Remembered): Promise<OpenConsent | null> {
  const { put } = session.database.credentials;
  try {
    const store = createCredentialStore({ rows: { current: async () => row, put }, vault: await session.vault() });
    const read = async ({ material }: { material: unknown; credentialId: CredentialId }) => {
      const { app, refreshToken } = OauthRefreshTokenMaterial.parse(material);
      return { app, refreshToken: Secret.of(refreshToken) };
    };
    return await store.use(grant, target.mailboxId, read, within());
  } catch {
    return null; // best effort, and the cause may name what was in it
  }
}

export async function endConsent(session: Session, { app: name, refreshToken }: OpenConsent): Promise<ToldProvider> {
  const { revokeConsent } = await import("@mailfleet/token-providers/sign-in");
  const grant = () => session.authorize("fleet.provision", {});
  const { apps } = createSealedStores({ rows: session.database, vault: await session.vault(), grant });
  const { caPem } = { caPem: undefined, ...session.config.tls() };
  try {
    return await apps.use(
      name,
      ({ material }) =>
        revokeConsent({ app: ProviderAppMaterial.parse(material), refreshToken, now: session.now, caPem }),
      within(),
    );
  } catch (error) {
    if (error instanceof OperationalError) return "failed";
    throw error;
  }
}

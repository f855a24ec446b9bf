import {
  CredentialId,
  type ErrorCode,
  type Login,
  type MailboxId,
  newId,
  OperationalError,
  type TenantId,
} from "@mailfleet/domain";
import {
  createTokenFlows,
  createTokenProvider,
  exchangeForLogin,
  type StoredCredential,
} from "@mailfleet/token-providers";
import { createSealedStores } from "@mailfleet/vault";
import type { Session } from "../open-session.ts";
import type { WantedMailbox } from "./read-tenants-file.ts";
import { putCredential } from "./store-credential.ts";
import { type StoredForm, wantedMaterial } from "./wanted-material.ts";

export type SignIn = {
  readonly login: Login;
  /** What to store once the login was good; null: it is stored already. */
  readonly toStore: StoredForm | null;
};

type Wish = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly wanted: WantedMailbox;
  /** Otherwise what is stored is signed in with: its refresh token may be newer than the file's. */
  readonly differs: boolean;
};

const signInMsMax = 60_000;

/** A login for a wanted mailbox, or why there is none. A refresh token that the provider replaced is stored at once. */
export async function openSignIn(session: Session, wish: Wish): Promise<SignIn | { readonly code: ErrorCode }> {
  try {
    return await signIn(session, wish);
  } catch (error) {
    if (error instanceof OperationalError) return { code: error.code };
    throw error;
  }
}

async function signIn(session: Session, { tenantId, mailboxId, wanted, differs }: Wish): Promise<SignIn> {
  const { now } = session;
  const flows = createTokenFlows({ now, tls: session.config.tls() });
  const grant = () => session.authorize("fleet.provision", {});
  const sealed = createSealedStores({ rows: session.database, vault: await session.vault(), grant });
  const access = () => session.authorize("credential.manage", { tenantId, mailboxId });
  const options = { signal: AbortSignal.timeout(signInMsMax) };
  if (!differs) {
    const exchanges = { ...sealed, random: Math.random, onAppRefused: () => {} }; // told by its code
    const tokens = createTokenProvider({ flows, credentials: sealed.credentials, exchanges, now });
    return { login: await tokens.login(await access(), mailboxId, options), toStore: null };
  }
  const form = wantedMaterial(wanted);
  const binding = await session.database.bindings.find(await access(), mailboxId);
  const candidate: StoredCredential = { ...form, credentialId: newId(CredentialId), version: 0, binding };
  const { login, rotated } = await exchangeForLogin({ flows, apps: sealed.apps, now }, candidate, options);
  if (rotated === null) return { login, toStore: form };
  // The file's own is worth nothing any more, whatever the mail server will say.
  await putCredential(session, await access(), mailboxId, { ...form, material: rotated });
  return { login, toStore: null };
}

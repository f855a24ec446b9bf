import { createHash } from "node:crypto";
import type { MailboxRow } from "@mailfleet/database";
import { type Login, OperationalError } from "@mailfleet/domain";
import type { OauthRefreshTokenMaterial } from "@mailfleet/token-providers";
import type { SignedIn, SignInInvitation, SignInRequest } from "@mailfleet/token-providers/sign-in";
import { createSealedStores } from "@mailfleet/vault";
import { readMailbox } from "../commands/mailbox-lifecycle.ts";
import { proveAgain } from "../lifecycle/prove-again.ts";
import { stageCredential, type Target, useStaged, within } from "../lifecycle/stage-credential.ts";
import { verifyLogin } from "../lifecycle/verify-login.ts";
import type { Session } from "../open-session.ts";
import { mailboxIdentity } from "../provisioning/mailbox-identity.ts";

export type ConnectRequest = {
  /** The provider app's name. */
  readonly app: string;
  readonly by: SignInRequest["by"];
  /** How long the user may take. */
  readonly waitMs: number;
  readonly invite: (invitation: SignInInvitation) => void;
};

export type Connected = { readonly state: string; readonly provider: string; readonly directory: string | null };

/**
 * Has the mailbox's user sign in, signs in to the mail servers as them, writes down whose the mailbox is, and puts the refresh
 * token in force. Whatever fails before the last step leaves the mailbox as it was, on its old credential if it had one.
 */
export async function connectMailbox(session: Session, target: Target, request: ConnectRequest): Promise<Connected> {
  const mailbox = await readMailbox(session, target.tenantId, target.mailboxId);
  requireOwnLogin(mailbox);
  const signedIn = await signInWith(session, mailbox, request);
  const { identity, refreshToken, accessToken, expiresAt } = signedIn;
  const login: Login = { kind: "bearer", user: mailbox.address, token: accessToken, expiresAt };
  await verifyLogin(session, mailbox, login);
  await recordBinding(session, target, signedIn);
  const text = refreshToken.reveal();
  const firstSha256 = createHash("sha256").update(text).digest("base64url");
  const material: OauthRefreshTokenMaterial = {
    user: mailbox.address,
    app: request.app,
    refreshToken: text,
    firstSha256,
  };
  const staged = await stageCredential(session, target, { flow: "oauth-refresh-token", material });
  await useStaged(session, target, { staged, use: async () => {} }); // what does not open is never put in force
  await session.database.credentialLifecycle.switchTo(
    await session.authorize("credential.manage", target),
    target.mailboxId,
    staged,
  );
  const state = await proveAgain(session, target, mailbox);
  return { state, provider: identity.provider, directory: identity.directory };
}

/** A user signs in as themselves: a mailbox that was connected under another login name is another mailbox. */
function requireOwnLogin({ imap, address, identity }: MailboxRow): void {
  if (Buffer.compare(mailboxIdentity({ host: imap.host, user: address }), identity) === 0) return;
  const message =
    "this mailbox was set up with a login name that is not its address; connect it under a key of its own";
  throw new OperationalError("resource.conflicting", message);
}

async function signInWith(session: Session, { address }: MailboxRow, request: ConnectRequest): Promise<SignedIn> {
  const { signIn } = await import("@mailfleet/token-providers/sign-in");
  const { ProviderAppMaterial } = await import("@mailfleet/token-providers");
  const grant = () => session.authorize("fleet.provision", {});
  const { apps } = createSealedStores({ rows: session.database, vault: await session.vault(), grant });
  const { by, invite, waitMs } = request;
  const { caPem } = { caPem: undefined, ...session.config.tls() };
  return apps.use(
    request.app,
    ({ material }) => {
      const app = ProviderAppMaterial.parse(material);
      const signal = AbortSignal.timeout(waitMs);
      return signIn({ app, address, by, invite, now: session.now, caPem }, { signal });
    },
    within(),
  );
}

/** The proof is the provider's own: its signature over who signed in, and its mail server's welcome. */
async function recordBinding(session: Session, target: Target, { identity }: SignedIn): Promise<void> {
  const grant = await session.authorize("mailbox.manage", { ...target, subjectId: "proof:sign-in" });
  await session.database.bindings.record(grant, target.mailboxId, { ...identity, proof: "sign-in" }, null);
}

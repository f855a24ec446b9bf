import type { MailboxRow, StagedCredential } from "@mailfleet/database";
import { type MailboxId, OperationalError, type Secret, type TenantId } from "@mailfleet/domain";
import { createPasswordFlow, PasswordMaterial } from "@mailfleet/token-providers";
import { type CredentialRows, createCredentialStore } from "@mailfleet/vault";
import { readMailbox } from "../commands/mailbox-lifecycle.ts";
import type { Session } from "../open-session.ts";
import { mailboxIdentity } from "../provisioning/mailbox-identity.ts";
import { verifyLogin } from "./verify-login.ts";

type Target = { readonly tenantId: TenantId; readonly mailboxId: MailboxId };
type NewPassword = { readonly password: Secret; readonly user: string | undefined };

const stepMsMax = 30_000;
const within = () => ({ signal: AbortSignal.timeout(stepMsMax) });

/**
 * Seals the new password beside the old one, opens it again, signs in with it, and only then puts it in force and destroys
 * the old one. Until that last transaction everything runs on the old; run again after a crash it begins anew.
 */
export async function rotateCredential(session: Session, target: Target, wanted: NewPassword) {
  const { tenantId, mailboxId } = target;
  const { database } = session;
  const mailbox = await readMailbox(session, tenantId, mailboxId);
  if (mailbox.state === "disconnected")
    throw new OperationalError(
      "resource.conflicting",
      "this mailbox was disconnected; `mailfleet provision` connects it",
    );
  const user = await findUser(session, target, { mailbox, user: wanted.user });
  const staged = await stage(session, target, { user, password: wanted.password.reveal() });
  try {
    await verifyLogin(session, mailbox, await openStaged(session, target, staged));
  } catch (error) {
    await database.credentialLifecycle.unstage(await session.authorize("credential.manage", target), mailboxId, staged);
    throw error;
  }
  await database.credentialLifecycle.switchTo(await session.authorize("credential.manage", target), mailboxId, staged);
  return { version: staged.version, state: await proveAgain(session, target, mailbox) };
}

/** A rotation keeps the login name: another name is another mailbox, whose binding is proven by `provision`. */
async function findUser(
  session: Session,
  target: Target,
  { mailbox, user }: { mailbox: MailboxRow; user: string | undefined },
): Promise<string> {
  const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
  const grant = await session.authorize("credential.manage", target);
  const stored = await store
    .use(
      grant,
      target.mailboxId,
      async ({ material }) => PasswordMaterial.safeParse(material).data?.user ?? null,
      within(),
    )
    .catch((error: unknown) => {
      if (error instanceof OperationalError && error.code === "credential.missing") return undefined;
      throw error;
    });
  if (stored === null)
    throw new OperationalError("resource.conflicting", "this mailbox does not sign in with a password");
  if (stored !== undefined && (user === undefined || user === stored)) return stored;
  if (user === undefined)
    throw new OperationalError("credential.missing", "the mailbox has no credential; say its login name with --user");
  if (Buffer.compare(mailboxIdentity({ host: mailbox.imap.host, user }), mailbox.identity) === 0) return user;
  throw new OperationalError("resource.conflicting", "this is not the login that the mailbox was connected with");
}

async function stage(session: Session, target: Target, material: PasswordMaterial): Promise<StagedCredential> {
  const grant = await session.authorize("credential.manage", target);
  let staged: StagedCredential | undefined;
  const rows: CredentialRows = {
    current: session.database.credentials.current,
    async put(...asked) {
      staged = await session.database.credentialLifecycle.stage(...asked);
      return staged;
    },
  };
  const store = createCredentialStore({ rows, vault: await session.vault() });
  await store.put(grant, target.mailboxId, { flow: "password", material }, within());
  if (staged === undefined) throw new Error("a credential was put and not staged");
  return staged;
}

/** From what lies in the database, not from what we have in hand: so that what does not open is never put in force. */
async function openStaged(session: Session, target: Target, staged: StagedCredential) {
  const rows: CredentialRows = { current: async () => staged, put: session.database.credentials.put };
  const store = createCredentialStore({ rows, vault: await session.vault() });
  const grant = await session.authorize("credential.manage", target);
  const { login } = await store.use(
    grant,
    target.mailboxId,
    (credential) => createPasswordFlow().obtain(credential, within()),
    within(),
  );
  return login;
}

/** The login was verified a moment ago: a mailbox that waited for just this goes on. */
async function proveAgain(session: Session, target: Target, { state }: MailboxRow): Promise<string> {
  if (state !== "needs-attention" && state !== "pending") return state;
  const grant = await session.authorize("mailbox.manage", target);
  if (await session.database.mailboxes.prove(grant, target.mailboxId)) return "active";
  throw new OperationalError("resource.conflicting", "this sign-in already belongs to a mailbox of this fleet");
}

import type { MailboxRow } from "@mailfleet/database";
import { OperationalError, type Secret } from "@mailfleet/domain";
import { createPasswordFlow, PasswordMaterial } from "@mailfleet/token-providers";
import { createCredentialStore } from "@mailfleet/vault";
import { readMailbox } from "../commands/mailbox-lifecycle.ts";
import type { Session } from "../open-session.ts";
import { mailboxIdentity } from "../provisioning/mailbox-identity.ts";
import { proveAgain } from "./prove-again.ts";
import { stageCredential, type Target, useStaged, within } from "./stage-credential.ts";
import { verifyLogin } from "./verify-login.ts";

type NewPassword = { readonly password: Secret; readonly user: string | undefined };

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
  const material: PasswordMaterial = { user, password: wanted.password.reveal() };
  const staged = await stageCredential(session, target, { flow: "password", material });
  try {
    const { login } = await useStaged(session, target, {
      staged,
      use: (credential) => createPasswordFlow().obtain(credential, within()),
    });
    await verifyLogin(session, mailbox, login);
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

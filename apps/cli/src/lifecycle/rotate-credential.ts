import type { MailboxRow, StagedCredential } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import { createTokenFlows, exchangeForLogin, type TokenFlow } from "@mailfleet/token-providers";
import { createSealedStores } from "@mailfleet/vault";
import { readMailbox } from "../commands/mailbox-lifecycle.ts";
import type { Session } from "../open-session.ts";
import { type NewMaterial, nextForm } from "./next-form.ts";
import { proveAgain } from "./prove-again.ts";
import { stageCredential, type Target, useStaged } from "./stage-credential.ts";
import { verifyLogin } from "./verify-login.ts";

/**
 * Seals the new material beside what is in force, opens it again, signs in with it, and only then puts it in force and
 * destroys the old version. Until that last transaction everything runs on the old; run again after a crash it begins anew.
 */
export async function rotateCredential(
  session: Session,
  target: Target,
  wanted: NewMaterial,
  flows: readonly TokenFlow[] = createTokenFlows({ now: session.now, tls: session.config.tls() }),
) {
  const { tenantId, mailboxId } = target;
  const { database } = session;
  const mailbox = await readMailbox(session, tenantId, mailboxId);
  if (mailbox.state === "disconnected")
    throw new OperationalError(
      "resource.conflicting",
      "this mailbox was disconnected; `mailfleet provision` connects it",
    );
  const form = await nextForm(session, target, { mailbox, wanted });
  const staged = await stageCredential(session, target, form);
  const verified = await verifyStaged(session, target, { mailbox, staged, flows });
  await database.credentialLifecycle.switchTo(
    await session.authorize("credential.manage", target),
    mailboxId,
    verified,
  );
  return { version: verified.version, state: await proveAgain(session, target, mailbox) };
}

type Candidate = {
  readonly mailbox: MailboxRow;
  readonly staged: StagedCredential;
  readonly flows: readonly TokenFlow[];
};

const exchangeMsMax = 60_000;

/** What to put in force: as it was staged, or with the refresh token that the provider gave in place of it. */
async function verifyStaged(
  session: Session,
  target: Target,
  { mailbox, staged, flows }: Candidate,
): Promise<StagedCredential> {
  const grant = () => session.authorize("fleet.provision", {});
  const { apps } = createSealedStores({ rows: session.database, vault: await session.vault(), grant });
  const options = { signal: AbortSignal.timeout(exchangeMsMax) };
  let verified = staged;
  try {
    const { login, rotated } = await useStaged(session, target, {
      staged,
      use: (credential) => exchangeForLogin({ flows, apps, now: session.now }, credential, options),
    });
    if (rotated !== null) verified = await stageCredential(session, target, { flow: staged.flow, material: rotated });
    await verifyLogin(session, mailbox, login);
    return verified;
  } catch (error) {
    const worthKeeping = verified !== staged && passes(error);
    if (!worthKeeping) {
      const { credentialLifecycle } = session.database;
      await credentialLifecycle.unstage(
        await session.authorize("credential.manage", target),
        target.mailboxId,
        verified,
      );
    }
    throw error;
  }
}

/** The mail server may say yes later; and what was staged is the only copy of what the provider gave for what we were given. */
function passes(error: unknown): boolean {
  return error instanceof OperationalError && (error.remedy === "retry" || error.remedy === "wait");
}

import { type ErrorCode, type MailboxId, OperationalError, type TenantId } from "@mailfleet/domain";
import { type Asserted, assertBinding } from "../binding/assert-binding.ts";
import type { Session } from "../open-session.ts";
import type { WantedMailbox } from "./read-tenants-file.ts";

type Wish = { readonly tenantId: TenantId; readonly mailboxId: MailboxId; readonly wanted: WantedMailbox };

/**
 * Writes down an operator's word for a directory of their own, where the file gives it. What somebody has proven goes before
 * what the file says. Null, or why it could not be written down.
 */
export async function recordAssertion(session: Session, { wanted, ...target }: Wish): Promise<ErrorCode | null> {
  const asserted = assertionOf(wanted);
  if (asserted === null) return null;
  const grant = await session.authorize("mailbox.manage", target);
  const known = await session.database.bindings.find(grant, target.mailboxId);
  if (known !== null && (known.proof !== "assertion" || isSame(known, asserted))) return null;
  try {
    await assertBinding(session, target, asserted);
    return null;
  } catch (error) {
    if (error instanceof OperationalError) return error.code;
    throw error;
  }
}

function assertionOf({ credential, address }: WantedMailbox): Asserted | null {
  if (!("assertedDirectory" in credential) || credential.assertedDirectory === undefined) return null;
  const provider = credential.flow === "google-service-account" ? "google" : "microsoft";
  return { provider, directory: credential.assertedDirectory.toLowerCase(), subject: address.toLowerCase() };
}

function isSame(known: { provider: string; directory: string | null; subject: string }, asserted: Asserted): boolean {
  return (
    known.provider === asserted.provider && known.directory === asserted.directory && known.subject === asserted.subject
  );
}

import type { MailboxRow } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import type { Session } from "../open-session.ts";
import type { Target } from "./stage-credential.ts";

/** The login was verified a moment ago: a mailbox that waited for just this goes on. */
export async function proveAgain(session: Session, target: Target, { state }: MailboxRow): Promise<string> {
  if (state === "active" || state === "paused") return state; // only a person resumes it
  const grant = await session.authorize("mailbox.manage", target);
  if (await session.database.mailboxes.prove(grant, target.mailboxId)) return "active";
  throw new OperationalError("resource.conflicting", "this sign-in already belongs to a mailbox of this fleet");
}

import type { NewBinding } from "@mailfleet/database";
import type { Binding } from "@mailfleet/domain";
import type { Session } from "../open-session.ts";
import type { Target } from "./begin-proof.ts";

export type Asserted = Pick<Binding, "provider" | "subject"> & { readonly directory: string };

/** Nobody's proof but the operator's word for a directory of their own; the audit log says for what. */
export async function assertBinding(session: Session, target: Target, asserted: Asserted): Promise<NewBinding> {
  const directory = asserted.directory.toLowerCase();
  const binding: NewBinding = { ...asserted, directory, subject: asserted.subject.toLowerCase(), proof: "assertion" };
  const subjectId = `assertion:${binding.provider}:${directory}`;
  const grant = await session.authorize("mailbox.manage", { ...target, subjectId });
  await session.database.bindings.record(grant, target.mailboxId, binding, null);
  return binding;
}

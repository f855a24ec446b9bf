import type { MailboxId, TenantId } from "@mailfleet/domain";
import { createNonce, digestOf, domainRecordName } from "@mailfleet/mailbox-binding";
import { readMailbox } from "../commands/mailbox-lifecycle.ts";
import type { ProveOptions } from "../commands/mailbox-prove.ts";
import { UsageError } from "../faults.ts";
import type { Session } from "../open-session.ts";

export type Target = { readonly tenantId: TenantId; readonly mailboxId: MailboxId };

const hourMs = 3_600_000;
/** DNS takes its time; a mail and a sign-in do not. */
const lifetimeMs = { "dns-txt": 72 * hourMs, "id-token": hourMs, nonce: hourMs } as const;

/** Makes a nonce for this tenant and mailbox, keeps its digest, and says what to do with it. */
export async function beginProof(session: Session, target: Target, { by: method }: ProveOptions) {
  if (method === "assertion") throw new UsageError("an assertion has no nonce", "Leave --begin out.");
  const { address } = await readMailbox(session, target.tenantId, target.mailboxId);
  const grant = await session.authorize("mailbox.manage", target);
  const nonce = createNonce();
  const expiresAt = new Date(session.now().getTime() + lifetimeMs[method]);
  await session.database.bindings.challenge(grant, target.mailboxId, {
    method,
    nonceSha256: digestOf(nonce),
    expiresAt,
  });
  const next = {
    "dns-txt": `have a TXT record ${domainRecordName(address)} set to mailfleet-binding=${nonce}, then run this without --begin`,
    "id-token":
      "have an administrator of the directory sign in to our app with this nonce, then run this with --id-token-file",
    nonce: "send this nonce to the mailbox, and run this with the --answer that its owner reads there",
  }[method];
  return { nonce, expiresAt, next };
}

import { randomUUID } from "node:crypto";
import type { CredentialId, MailboxId } from "@mailfleet/domain";
import type { StoredCredential } from "../src/credential-reader.ts";
import type { HeldToken, SharedTokens, TokenFailure, TokenLease } from "../src/shared-tokens.ts";

type Row = { held: HeldToken | null; failure: TokenFailure | null; lease: TokenLease | null };

/** Shared by one process alone. `stored` is where a rotated credential goes. */
export function memorySharedTokens(
  stored: Map<MailboxId, StoredCredential>,
): SharedTokens & { readonly order: string[] } {
  const rows = new Map<string, Row>();
  const order: string[] = [];
  const at = (subject: string) => rows.get(subject) ?? { held: null, failure: null, lease: null };

  return {
    order,
    async find(_grant, subject) {
      return at(subject);
    },
    async claim(_grant, { subject, credentialId }) {
      const inForce = [...stored.values()].some((credential) => credential.credentialId === credentialId);
      const row = at(subject);
      if (row.lease !== null || !inForce) return null;
      const lease = { leaseId: randomUUID(), subject, credentialId, interrupted: false };
      rows.set(subject, { ...row, lease });
      return lease;
    },
    async prepare() {
      order.push("prepare");
    },
    async store(_grant, { subject }, held) {
      order.push("store");
      rows.set(subject, { held, failure: null, lease: null });
      return true;
    },
    async storeRotated(_grant, mailboxId, _lease, { flow, material, token, subjectOf }) {
      order.push("store-rotated");
      const credentialId = randomUUID() as CredentialId;
      const before = stored.get(mailboxId);
      const version = (before?.version ?? 0) + 1;
      stored.set(mailboxId, { credentialId, version, flow, material, binding: before?.binding ?? null });
      rows.set(subjectOf(credentialId), { held: token, failure: null, lease: null });
      return true;
    },
    async fail(_grant, { subject }, failure) {
      rows.set(subject, { ...at(subject), failure, lease: null });
    },
    async invalidate(_grant, token) {
      for (const [subject, row] of rows) {
        if (row.held?.token.reveal() === token.reveal()) rows.set(subject, { ...row, held: null });
      }
    },
  };
}

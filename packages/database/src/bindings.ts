import { type Binding, type MailboxId, OperationalError } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";
import { isUniqueViolation } from "./mailboxes.ts";
import { recordEvents } from "./record-events.ts";

export type ProvenBinding = Binding & {
  readonly proof: "id-token" | "dns-txt" | "nonce" | "sign-in" | "assertion";
  readonly provenAt: Date;
};
export type NewBinding = Omit<ProvenBinding, "provenAt">;

/** What the prover has to answer with; the others are proven by what happened elsewhere. */
export type ChallengeMethod = Extract<ProvenBinding["proof"], "id-token" | "dns-txt" | "nonce">;
export type Challenge = { readonly method: ChallengeMethod; readonly nonceSha256: Uint8Array };

type Manage = Grant<"mailbox.manage">;
type Reading = Grant<"credential.manage" | "mailbox.manage" | "mailbox.poll" | "mailbox.read" | "submission.deliver">;

export type Bindings = {
  /** Null: nobody has proven anything, and no token may be asked for. */
  find(grant: Reading, mailboxId: MailboxId): Promise<ProvenBinding | null>;
  /** In place of an earlier one of the same method, which can no longer be answered. */
  challenge(grant: Manage, mailboxId: MailboxId, challenge: Challenge & { readonly expiresAt: Date }): Promise<void>;
  /** What is waiting for its answer; null before `challenge`, after an answer, too late, or after too many wrong ones. */
  openChallenge(grant: Manage, mailboxId: MailboxId, method: ChallengeMethod): Promise<Challenge | null>;
  /** A wrong answer: after five of them the challenge is over. */
  countFailure(grant: Manage, mailboxId: MailboxId, method: ChallengeMethod): Promise<void>;
  /**
   * Writes down what was proven, and uses up the challenge that was answered: of two answers at once one is too late.
   *
   * @throws OperationalError `binding.unproven` when the challenge was used meanwhile
   * @throws OperationalError `binding.taken` when it is another mailbox's, of whichever tenant
   */
  record(grant: Manage, mailboxId: MailboxId, binding: NewBinding, answered: Challenge | null): Promise<void>;
};

const failuresMax = 5;

export function createBindings({ sql, now }: Connection): Bindings {
  return {
    async find(grant, mailboxId) {
      requireGrant(grant, now());
      const [row] = await sql`
        select provider, directory, subject, proof, proven_at from mailbox_bindings
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId}`;
      return row === undefined ? null : toBinding(row);
    },
    async challenge(grant, mailboxId, { method, nonceSha256, expiresAt }) {
      requireGrant(grant, now());
      await sql`
        insert into binding_challenges (mailbox_id, tenant_id, method, nonce_sha256, expires_at)
        select id, tenant_id, ${method}, ${Buffer.from(nonceSha256)}, ${expiresAt.toISOString()}::timestamptz from mailboxes
        where tenant_id = ${grant.tenantId} and id = ${mailboxId}
        on conflict (mailbox_id, method) do update
        set nonce_sha256 = excluded.nonce_sha256, expires_at = excluded.expires_at, created_at = now(), failures_count = 0`;
    },
    async openChallenge(grant, mailboxId, method) {
      requireGrant(grant, now());
      const [row] = await sql`
        select nonce_sha256 from binding_challenges
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and method = ${method}
          and expires_at > now() and failures_count < ${failuresMax}`;
      return row === undefined ? null : { method, nonceSha256: row["nonce_sha256"] as Uint8Array };
    },
    async countFailure(grant, mailboxId, method) {
      requireGrant(grant, now());
      await sql`
        update binding_challenges set failures_count = failures_count + 1
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and method = ${method}`;
    },
    async record(grant, mailboxId, binding, answered) {
      requireGrant(grant, now());
      try {
        await sql.begin((tx) => record(tx, grant, mailboxId, { binding, answered }));
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw new OperationalError("binding.taken", "this mailbox has been proven by someone already", {
          publicMessage: "This mailbox is already connected. Whoever connected it must disconnect it first.",
        });
      }
    },
  };
}

async function record(
  tx: Transaction,
  { tenantId, namespace, actor }: Manage,
  mailboxId: MailboxId,
  { binding, answered }: { binding: NewBinding; answered: Challenge | null },
): Promise<void> {
  if (answered !== null) {
    const used = await tx`
      delete from binding_challenges
      where tenant_id = ${tenantId} and mailbox_id = ${mailboxId} and method = ${answered.method}
        and nonce_sha256 = ${Buffer.from(answered.nonceSha256)} and expires_at > now()`;
    if (used.count !== 1) throw new OperationalError("binding.unproven", "this proof was used already");
  }
  const { provider, directory, subject, proof } = binding;
  await tx`
    insert into mailbox_bindings (mailbox_id, tenant_id, provider, directory, subject, proof, proven_by)
    select id, tenant_id, ${provider}, ${directory}, ${subject.toLowerCase()}, ${proof}, ${actor.id} from mailboxes
    where tenant_id = ${tenantId} and id = ${mailboxId}
    on conflict (mailbox_id) do update set provider = excluded.provider, directory = excluded.directory,
      subject = excluded.subject, proof = excluded.proof, proven_by = excluded.proven_by, proven_at = now()`;
  await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: "mailbox.proven", subjectId: mailboxId }]);
}

function toBinding(row: Record<string, unknown>): ProvenBinding {
  const { provider, directory, subject, proof, proven_at: provenAt } = row;
  return { provider, directory, subject, proof, provenAt: new Date(String(provenAt)) } as ProvenBinding;
}

import type { MailboxId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";

/** Of one mailbox to one correspondent, within any 24 hours: more is two programs talking to each other. */
export const automaticAnswersMax = 10;

export type NewAnswer = {
  readonly mailboxId: MailboxId;
  readonly idempotencyKey: string;
  readonly to: readonly string[];
};

export type AutomaticAnswers = {
  /** Whether one of these is an address or an alias of any mailbox of the fleet. Says no more than that. */
  anyOfFleet(grant: Grant<"submission.create">, addresses: readonly string[]): Promise<boolean>;
  /**
   * Counts one answer to each of these, once for one idempotency key; false, and nothing is counted, where one of them has had
   * its share.
   */
  reserve(grant: Grant<"submission.create">, answer: NewAnswer): Promise<boolean>;
};

export function createAutomaticAnswers({ sql, now }: Connection): AutomaticAnswers {
  return {
    async anyOfFleet(grant, addresses) {
      requireGrant(grant, now());
      const [row] = await sql`
        with asked as (select array_agg(lower(address)) as addresses from jsonb_array_elements_text(${JSON.stringify(addresses)}::jsonb) as address)
        select exists (select from mailbox_addresses, asked where address = any(addresses)) as ours`;
      return row?.["ours"] === true;
    },
    async reserve(grant, { mailboxId, idempotencyKey, to }) {
      requireGrant(grant, now());
      // In one order, so that two answers to the same people wait for each other and do not lock each other out.
      const each = [...new Set(to.map((address) => address.toLowerCase()))].sort();
      try {
        await sql.begin(async (tx) => {
          for (const address of each) {
            if (!(await reserveOne(tx, grant, { mailboxId, idempotencyKey, address }))) throw shareUsed;
          }
        });
        return true;
      } catch (error) {
        if (error === shareUsed) return false;
        throw error;
      }
    },
  };
}

const shareUsed = Symbol("a correspondent has had its share");

type OneAnswer = { readonly mailboxId: MailboxId; readonly idempotencyKey: string; readonly address: string };

/** Answers to one correspondent at the same moment are counted one after another: the lock is taken before the count is read. */
async function reserveOne(
  tx: Transaction,
  { tenantId }: Grant<"submission.create">,
  { mailboxId, idempotencyKey, address }: OneAnswer,
): Promise<boolean> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`${mailboxId} ${address}`}, 0))`;
  await tx`
    delete from automatic_answers
    where mailbox_id = ${mailboxId} and address = ${address} and answered_at <= now() - interval '1 day'`;
  const rows = await tx`
    insert into automatic_answers as a (mailbox_id, tenant_id, address, idempotency_key)
    select ${mailboxId}, ${tenantId}, ${address}, ${idempotencyKey}
    where (
      select count(*) from automatic_answers
      where mailbox_id = ${mailboxId} and address = ${address} and idempotency_key <> ${idempotencyKey}
    ) < ${automaticAnswersMax}
    on conflict (mailbox_id, address, idempotency_key) do update set answered_at = a.answered_at
    returning 1`;
  return rows.count === 1;
}

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

/** Which share is used up, where one is: the correspondent's, or that of all the tenant's mailboxes together. */
export type Reservation = "reserved" | "correspondent-full" | "tenant-full";

export type AutomaticAnswers = {
  /** Whether one of these is an address or an alias of any mailbox of the fleet. Says no more than that. */
  anyOfFleet(grant: Grant<"submission.create">, addresses: readonly string[]): Promise<boolean>;
  /**
   * Counts one answer to each of these, once for one idempotency key; nothing is counted where one of them, or the tenant, has
   * had its share of these 24 hours.
   */
  reserve(grant: Grant<"submission.create">, answer: NewAnswer): Promise<Reservation>;
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
      const each = [...new Set(to.map((address) => address.toLowerCase()))];
      try {
        await sql.begin(async (tx) => {
          // A tenant's answers are counted one after another: the lock is taken before a count is read.
          await tx`select pg_advisory_xact_lock(hashtextextended(${`automatic answers ${grant.tenantId}`}, 0))`;
          for (const address of each) {
            const answer = { mailboxId, idempotencyKey, address };
            const reservation = await reserveOne(tx, grant, answer);
            if (reservation !== "reserved") throw new ShareUsed(reservation);
          }
        });
        return "reserved";
      } catch (error) {
        if (error instanceof ShareUsed) return error.reservation;
        throw error;
      }
    },
  };
}

/** Takes back what was counted with it. */
class ShareUsed extends Error {
  readonly reservation: Reservation;
  constructor(reservation: Reservation) {
    super("a share of automatic answers is used up");
    this.reservation = reservation;
  }
}

type OneAnswer = { readonly mailboxId: MailboxId; readonly idempotencyKey: string; readonly address: string };

async function reserveOne(
  tx: Transaction,
  { tenantId }: Grant<"submission.create">,
  { mailboxId, idempotencyKey, address }: OneAnswer,
): Promise<Reservation> {
  // What is older counts for nobody any more. Few at a time: nobody's answer waits for a year of them.
  await tx`
    delete from automatic_answers where ctid = any(array(
      select ctid from automatic_answers
      where tenant_id = ${tenantId} and answered_at <= now() - interval '1 day'
      order by answered_at limit 100))`;
  const [row] = await tx`
    with asked as (
      select exists (
          select from automatic_answers
          where mailbox_id = ${mailboxId} and address = ${address} and idempotency_key = ${idempotencyKey}
        ) as is_counted, (
          select count(*) from automatic_answers
          where mailbox_id = ${mailboxId} and address = ${address} and answered_at > now() - interval '1 day'
        ) as correspondents_count, (
          select count(*) from (
            select from automatic_answers
            where tenant_id = ${tenantId} and answered_at > now() - interval '1 day'
            limit automatic_answers_per_day_max
          ) day
        ) >= automatic_answers_per_day_max as tenant_full
      from tenants where id = ${tenantId}
    ), counted as (
      insert into automatic_answers (mailbox_id, tenant_id, address, idempotency_key)
      select ${mailboxId}, ${tenantId}, ${address}, ${idempotencyKey} from asked
      where not is_counted and not tenant_full and correspondents_count < ${automaticAnswersMax}
      on conflict do nothing
      returning 1
    )
    select is_counted or exists (select from counted) as reserved, tenant_full from asked`;
  if (row?.["reserved"] === true) return "reserved";
  return row?.["tenant_full"] === true ? "tenant-full" : "correspondent-full";
}

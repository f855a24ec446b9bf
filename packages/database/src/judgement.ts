import type { ContentVerdict } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Transaction } from "./connection.ts";

/** What the fleet made of a message before it stored it. None of it is the sender's to choose. */
export type Judgement = {
  readonly senderVerdict: "verified" | "unverified" | "spoofed" | "internal";
  /** Names of what was looked at and found; never content. */
  readonly senderEvidence: readonly string[];
  /** The address the fleet vouches for, in lower case; null where it vouches for none, and always in quarantine. */
  readonly attributedTo: string | null;
  readonly flags: readonly string[];
  readonly verdicts: readonly ContentVerdict[];
  /** Why it is held; null where it is delivered. */
  readonly quarantineReason: string | null;
};

/** Nobody's word is taken for anything. */
export const unjudged: Judgement = {
  senderVerdict: "unverified",
  senderEvidence: [],
  attributedTo: null,
  flags: [],
  verdicts: [],
  quarantineReason: null,
};

/** As the columns of a message's row. Whoever is held has no name, whatever was found. */
export function judgementColumns(judgement: Judgement) {
  const { senderVerdict, senderEvidence, attributedTo, flags, verdicts, quarantineReason } = judgement;
  const isHeld = quarantineReason !== null;
  return {
    ...{ sender_verdict: senderVerdict, sender_evidence: senderEvidence, flags, verdicts },
    attributed_to: isHeld ? null : attributedTo,
    quarantine: isHeld ? "held" : null,
    quarantine_reason: quarantineReason,
  };
}

type Judged = { readonly receivedAt: Date; readonly judgement: Judgement };

/** Who has verifiably written is remembered, once a page, in one order so that no two pages wait for each other. */
export async function noteCorrespondents(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  fresh: readonly Judged[],
): Promise<void> {
  const rows = fresh.flatMap(({ receivedAt, judgement: { attributedTo, quarantineReason } }) =>
    attributedTo === null || quarantineReason !== null ? [] : [{ address: attributedTo, at: receivedAt }],
  );
  if (rows.length === 0) return;
  await tx`
    insert into correspondents as c (tenant_id, address, first_at, last_at)
    select ${grant.tenantId}, lower(address), min(at), max(at)
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(address text, at timestamptz)
    group by 2 order by 2
    on conflict (tenant_id, address) do update set last_at = excluded.last_at where c.last_at < excluded.last_at`;
}

/**
 * A tenant's quarantine has an end, in messages and in bytes: what is too much goes, the oldest first, and leaves its row as a
 * mark that it was here. A message that is larger than the whole goes at once, and makes nothing else go: otherwise a
 * stranger could empty a quarantine with a single one.
 */
export async function keepQuarantineSmall(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  fresh: readonly Judged[],
): Promise<void> {
  if (fresh.every(({ judgement }) => judgement.quarantineReason === null)) return;
  const rows = await tx`
    select id from (
      select m.id, t.quarantine_max, t.quarantine_bytes_max, m.size_bytes > t.quarantine_bytes_max as oversized,
        count(*) filter (where m.size_bytes <= t.quarantine_bytes_max) over newest_first as messages_count,
        sum(m.size_bytes) filter (where m.size_bytes <= t.quarantine_bytes_max) over newest_first as bytes
      from messages m join tenants t on t.id = m.tenant_id
      where m.tenant_id = ${grant.tenantId} and m.quarantine = 'held'
      window newest_first as (order by m.id desc rows unbounded preceding)
    ) held
    where oversized or messages_count > quarantine_max or bytes > quarantine_bytes_max`;
  await forgetContent(
    tx,
    grant,
    rows.map((row) => String(row["id"])),
  );
}

/**
 * Takes the content away and keeps the row: its content key says that this was seen, so that it is not announced anew when
 * it is met again.
 */
export async function forgetContent(
  tx: Transaction,
  { tenantId }: Grant<"mailbox.poll" | "quarantine.manage">,
  ids: readonly string[],
): Promise<number> {
  if (ids.length === 0) return 0;
  const list = JSON.stringify(ids);
  await tx`
    delete from attachments where tenant_id = ${tenantId}
      and message_id in (select wanted.id::uuid from jsonb_array_elements_text(${list}::jsonb) as wanted(id))`;
  const rows = await tx`
    update messages set quarantine = 'deleted', quarantine_changed_at = now(), body = null, message_id_header = null,
      in_reply_to = null, reference_ids = '{}', raw = '{"segment": "deleted", "offset": 0, "length": 0}',
      envelope = '{"subject": null, "from": [], "replyTo": [], "to": [], "cc": []}'
    where tenant_id = ${tenantId} and quarantine = 'held'
      and id in (select wanted.id::uuid from jsonb_array_elements_text(${list}::jsonb) as wanted(id))
    returning id`;
  return rows.length;
}

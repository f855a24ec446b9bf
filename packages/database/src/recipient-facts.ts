import { MessageId, type TenantId } from "@mailfleet/domain";
import type { Addressing, RecipientFacts } from "@mailfleet/gate";
import type { Sql } from "./connection.ts";

const nobody: RecipientFacts = { named: false, answered: false, known: false, listed: false };

/**
 * What is stored about those a message would go to. Read from rows that no message can write: who has verifiably written,
 * whom the message that is answered was attributed to, and the tenant's own list. Each fact is about all of them: one
 * stranger among friends makes it false.
 */
export async function readRecipientFacts(
  sql: Sql,
  tenantId: TenantId,
  addressing: Addressing,
): Promise<RecipientFacts> {
  const stored = idOrNull("submissionId" in addressing ? addressing.submissionId : null);
  const named = "submissionId" in addressing ? [] : addressing.recipients;
  const answers = idOrNull("submissionId" in addressing ? null : addressing.answersMessageId);
  const [row] = await sql`
    with answered as (
      select attributed_to from messages where tenant_id = ${tenantId} and quarantine is null
        and id = coalesce(${answers}::uuid,
          (select answers_message_id from submissions where id = ${stored}::uuid and tenant_id = ${tenantId}))
    ), recipient as (
      select lower(jsonb_array_elements_text(${JSON.stringify(named)}::jsonb)) as address
      union
      select lower(address) from submission_recipients where submission_id = ${stored}::uuid and tenant_id = ${tenantId}
    )
    select count(*) > 0 as named,
      coalesce(bool_and(r.address = (select attributed_to from answered)), false) as answered,
      coalesce(bool_and(exists (
        select from correspondents c where c.tenant_id = ${tenantId} and c.address = r.address)), false) as known,
      coalesce(bool_and(exists (
        select from allow_list l where l.tenant_id = ${tenantId} and l.direction = 'recipient'
          and l.pattern in (r.address, substring(r.address from '@[^@]*$')))), false) as listed
    from recipient r`;
  if (!row) return nobody;
  const { named: any, answered, known, listed } = row;
  return { named: any === true, answered: answered === true, known: known === true, listed: listed === true };
}

/** Whoever asks the gate past its types names nothing that is stored. */
function idOrNull(value: string | null): string | null {
  return MessageId.safeParse(value).data ?? null;
}

import type { Addressing, RecipientFacts } from "@mailfleet/gate";
import type { Sql } from "./connection.ts";
import { answersByPlace, placedJson } from "./micro-batch.ts";
import { uuidOrNull } from "./uuid-or-null.ts";

export const nobody: RecipientFacts = { named: false, answered: false, known: false, listed: false };

/** `tenantId` is a UUID. */
export type AddressingQuestion = { readonly tenantId: string; readonly addressing: Addressing };

/**
 * What is stored about those a message would go to. Read from rows that no message can write: who has verifiably written,
 * whom the message that is answered was attributed to, and the tenant's own list. Each fact is about all of them: one
 * stranger among friends makes it false.
 */
export async function readRecipientFacts(
  sql: Sql,
  questions: readonly AddressingQuestion[],
): Promise<readonly RecipientFacts[]> {
  const rows = await sql`
    with recipient as (
      select a.place, a."tenantId" as tenant_id, r.address, coalesce(a.answers, s.answers_message_id) as answers
      from jsonb_to_recordset(${placedJson(questions.map(toQuestion))}::jsonb)
        as a("tenantId" uuid, stored uuid, named jsonb, answers uuid, place int)
      left join lateral (
        select tenant_id, answers_message_id from submissions where id = a.stored limit 1
      ) s on s.tenant_id = a."tenantId"
      cross join lateral (
        select lower(jsonb_array_elements_text(a.named)) as address
        union
        select lower(address) from submission_recipients where submission_id = a.stored and tenant_id = a."tenantId"
      ) r
    )
    select r.place, count(*) > 0 as named,
      coalesce(bool_and(r.address = (
        select attributed_to from messages m where m.tenant_id = r.tenant_id and m.id = r.answers and m.quarantine is null)
      ), false) as answered,
      coalesce(bool_and(exists (
        select from correspondents c where c.tenant_id = r.tenant_id and c.address = r.address)), false) as known,
      coalesce(bool_and(exists (
        select from allow_list l where l.tenant_id = r.tenant_id and l.direction = 'recipient'
          and l.pattern in (r.address, substring(r.address from '@[^@]*$')))), false) as listed
    from recipient r group by r.place`;
  return answersByPlace(questions, rows, toFacts).map((facts) => facts ?? nobody);
}

/** Whoever asks the gate past its types names nothing that is stored. */
function toQuestion({ tenantId, addressing }: AddressingQuestion) {
  if ("submissionId" in addressing)
    return { tenantId, stored: uuidOrNull(addressing.submissionId), named: [], answers: null };
  return { tenantId, stored: null, named: addressing.recipients, answers: uuidOrNull(addressing.answersMessageId) };
}

function toFacts({ named, answered, known, listed }: Record<string, unknown>): RecipientFacts {
  return { named: named === true, answered: answered === true, known: known === true, listed: listed === true };
}

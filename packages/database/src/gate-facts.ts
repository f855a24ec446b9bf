import { Namespace, TenantId } from "@mailfleet/domain";
import type { Addressing, Facts, FactsQuery, GateFacts } from "@mailfleet/gate";
import type { Connection, Sql } from "./connection.ts";
import { answersByPlace, microBatch, placedJson } from "./micro-batch.ts";
import { type AddressingQuestion, nobody, readRecipientFacts } from "./recipient-facts.ts";
import { uuidOrNull } from "./uuid-or-null.ts";

const nothing: Facts = { actor: null, tenant: null, mailbox: null, recipients: null };

type RowFacts = Omit<Facts, "recipients">;

/** Questions of one moment share a statement: each of them is a few rows by their keys, and a trip costs more than they do. */
const batch = { waitMs: 1, sizeMax: 200, isolate: true } as const;

/** What the gate looks at. The only reading that needs no grant, because it leads to one. */
export function createGateFacts({ sql }: Connection): GateFacts {
  const facts = microBatch({ ...batch, run: (items: readonly RowsQuestion[]) => readRows(sql, items) });
  const recipientFacts = microBatch({
    ...batch,
    run: (items: readonly AddressingQuestion[]) => readRecipientFacts(sql, items),
  });
  const addressed = (tenantId: string | null, addressing: Addressing | null) =>
    addressing === null ? null : tenantId === null ? nobody : recipientFacts({ tenantId, addressing });

  return {
    async read(query) {
      const rows = rowsQuestion(query);
      if (Object.values(rows).every((id) => id === null)) return nothing;
      const [found, recipients] = await Promise.all([facts(rows), addressed(rows.tenantId, query.addressing)]);
      return { ...found, recipients };
    },
  };
}

type RowsQuestion = {
  readonly actorId: string | null;
  readonly tenantId: string | null;
  readonly mailboxId: string | null;
};

/** Whoever asks the gate past its types names no row; and nobody else's question fails with theirs. */
function rowsQuestion({ actorId, tenantId, mailboxId }: FactsQuery): RowsQuestion {
  return { actorId: uuidOrNull(actorId), tenantId: uuidOrNull(tenantId), mailboxId: uuidOrNull(mailboxId) };
}

async function readRows(sql: Sql, items: readonly RowsQuestion[]): Promise<readonly RowFacts[]> {
  const rows = await sql`
    select a.place,
      (select jsonb_build_object('tenantId', tenant_id, 'revoked', revoked_at is not null)
        from actors where id = a."actorId") as actor,
      (select jsonb_build_object('state', state, 'namespace', namespace, 'outbound', outbound_policy)
        from tenants where id = a."tenantId") as tenant,
      (select jsonb_build_object('tenantId', tenant_id, 'state', state, 'reason', state_reason)
        from mailboxes where id = a."mailboxId") as mailbox
    from jsonb_to_recordset(${placedJson(items)}::jsonb) as a("actorId" uuid, "tenantId" uuid, "mailboxId" uuid, place int)`;
  return answersByPlace(items, rows, toFacts).map((found) => found ?? nothing);
}

function toFacts(row: Record<string, unknown>): RowFacts {
  const actor = row["actor"] as { tenantId: string | null; revoked: boolean } | null;
  const tenant = row["tenant"] as {
    state: "active" | "suspended" | "offboarded";
    namespace: string;
    outbound: string;
  } | null;
  const mailbox = row["mailbox"] as { tenantId: string; state: string; reason: string | null } | null;
  return {
    actor: actor && {
      tenantId: actor.tenantId === null ? null : TenantId.parse(actor.tenantId),
      revoked: actor.revoked,
    },
    tenant: tenant && { ...tenant, namespace: Namespace.parse(tenant.namespace) },
    mailbox: mailbox && { ...mailbox, tenantId: TenantId.parse(mailbox.tenantId) },
  };
}

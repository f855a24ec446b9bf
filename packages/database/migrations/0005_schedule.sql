-- When next: bounds of each tenant's own, and hosts that are left alone while they cannot serve.

-- Null: the fleet's. interval_ms_min: no two polls of a mailbox are closer; freshness_ms: how old its state may get.
alter table tenants
  add column interval_ms_min integer check (interval_ms_min between 1000 and 3600000),
  add column freshness_ms integer check (freshness_ms between 10000 and 86400000);

-- The breaker of a host, beside its limits so that every claim sees it under the same lock. Open while openings_count > 0:
-- nothing of the host is claimed before ready_at, and then a few rows to try it.
alter table host_buckets
  -- False: nobody set limits; the row is here for the breaker alone.
  add column limited boolean not null default true,
  -- Openings in a row without an answer of the host in between. Compared by whoever opens it again or closes it.
  add column openings_count integer not null default 0,
  -- When it last closed: from then on the host is given more at once, bit by bit.
  add column returned_at timestamptz;

create index mailboxes_by_host on mailboxes (lower(imap ->> 'host'));

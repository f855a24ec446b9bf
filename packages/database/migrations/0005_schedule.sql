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

-- Mail from before the watch began, read downward: backfill_ms before it, by the server's internal dates. more_folders are
-- watched beside `folder`, each with a cursor of its own.
alter table mailboxes
  add column backfill_ms bigint not null default 0 check (backfill_ms >= 0),
  add column more_folders text[] not null default '{}';

-- Of this UIDVALIDITY, every UID at or above history_uid is settled; null: the backfill has not begun. Below it are messages
-- that nobody has looked at, until history_done_at.
alter table cursors
  add column history_uid bigint,
  add column history_done_at timestamptz;

alter table events add column backfilled boolean not null default false;

-- What the bodies read of a mailbox weighed, by UTC day: providers lock accounts out that are read too much of.
create table mailbox_traffic (
  tenant_id uuid not null,
  mailbox_id uuid not null references mailboxes on delete cascade,
  day date not null,
  bytes bigint not null,
  primary key (tenant_id, mailbox_id, day)
) with (fillfactor = 70);
create index mailbox_traffic_day on mailbox_traffic (day);

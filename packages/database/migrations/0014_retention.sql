-- How long what a tenant stored is kept, and how far the sweep that deletes it has come. No row, or null: for ever.

create table tenant_retention (
  tenant_id uuid primary key references tenants,
  messages_days integer check (messages_days between 1 and 36500),
  quarantine_days integer check (quarantine_days between 1 and 36500),
  -- A submission's idempotency key is promised to stand for 30 days after its end.
  submissions_days integer check (submissions_days between 30 and 36500),
  events_days integer check (events_days between 1 and 36500),
  -- Whoever waits longest for a turn is next. A pass over a tenant takes many turns, and due_at is when it was to begin.
  turn_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  -- Up to here this pass has deleted messages: the next turn does not walk over what is gone.
  after_id uuid
) with (fillfactor = 50);
create index tenant_retention_turns on tenant_retention (turn_at);

-- Ids are UUIDv7: the primary key of messages is in the order of storing. The first id that can be of this moment.
create function first_id_at(at timestamptz) returns uuid language sql immutable parallel safe as $$
  select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

create index messages_not_delivered on messages (tenant_id, id) where quarantine in ('held', 'deleted');
create index submissions_ended on submissions (tenant_id, final_at) where final_at is not null;

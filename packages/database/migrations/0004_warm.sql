-- Which poll worker holds a mailbox's open connection, which workers there are, and whether mailboxes are looked at in time.

-- A worker that has been silent for five seconds is gone: nothing is routed to it, and what waited in its queue is due again.
create table workers (
  id uuid primary key,
  started_at timestamptz not null default now(),
  beat_at timestamptz not null default now(),
  gone_at timestamptz,
  -- Jobs its own queue may hold before it counts as behind.
  capacity integer not null check (capacity >= 1),
  held_count integer not null default 0,
  held_max integer not null
);

-- The newest finish owns a mailbox's residency; whoever held a connection before it is told here, at its next beat.
create table displaced_connections (
  worker_id uuid not null references workers on delete cascade,
  mailbox_id uuid not null,
  epoch bigint not null,
  primary key (worker_id, mailbox_id)
);

-- A worker that is not among the living holds nothing, so this needs no index and nobody has to clear it.
alter table mailboxes add column worker_id uuid;

-- Set while the oldest completed pass over the watched folder is older than the freshness bound.
alter table mailboxes add column stale_since timestamptz;

-- Nobody looks at a mailbox while it is not active, or its tenant is not; its age counts from when it is again.
alter table mailboxes add column active_since timestamptz not null default now();
create function begin_anew() returns trigger language plpgsql as $$
begin
  new.active_since := now();
  new.stale_since := null;
  return new;
end $$;
create trigger mailboxes_active_again before update of state on mailboxes
  for each row when (new.state = 'active' and old.state <> 'active') execute function begin_anew();

create function begin_tenant_anew() returns trigger language plpgsql as $$
begin
  update mailboxes set active_since = now(), stale_since = null where tenant_id = new.id;
  return null;
end $$;
create trigger tenants_active_again after update of state on tenants
  for each row when (new.state = 'active' and old.state <> 'active') execute function begin_tenant_anew();

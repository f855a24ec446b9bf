-- Claims that cost the same at 20 tenants and at 20,000: whose turn it is stands in one small, indexed table.

-- What all tenants together may ask of one mail host, for one kind of work. A host without a row has no limits.
create table host_buckets (
  kind text not null check (kind in ('poll', 'deliver')),
  host text not null check (host <> '' and host = lower(host)),
  rate_per_second double precision not null check (rate_per_second > 0),
  burst double precision not null check (burst >= 1),
  in_flight_max integer not null check (in_flight_max >= 1),
  tokens double precision not null,
  tokens_at timestamptz not null default now(),
  -- Before this moment nothing of the host can be claimed; earlier only if one of its runs ends first.
  ready_at timestamptz not null default now(),
  waits_for_end boolean not null default false,
  primary key (kind, host)
) with (fillfactor = 50);

-- A tenant's place in the line for one kind of work: one lane for its rows at hosts without limits (''), one for each host
-- with limits. No row of the lane can be claimed before next_due; it may be earlier than need be, never later. Whoever
-- makes a row due earlier lowers it (by the triggers below, so that nobody can forget to); claims alone raise it, and under
-- the lock of the tenant's bucket. hold: rows are due, and a limit of the tenant keeps them until next_due.
create table lanes (
  tenant_id uuid not null references tenants,
  kind text not null check (kind in ('poll', 'deliver')),
  lane text not null,
  next_due timestamptz not null,
  hold text check (hold in ('rate', 'in-flight', 'inactive')),
  primary key (tenant_id, kind, lane)
) with (fillfactor = 50);
create index lanes_line on lanes (kind, lane, next_due);
create index lanes_waiting_for_end on lanes (kind, tenant_id) where hold = 'in-flight';

alter table mailboxes add column lane text not null default '';
drop index mailboxes_due, mailboxes_next_due;
create index mailboxes_due on mailboxes (tenant_id, lane, next_due) where next_due is not null;
create index mailboxes_in_flight_by_host on mailboxes (lane) where work_state in ('claimed', 'running') and lane <> '';

alter table submissions add column lane text not null default '';
drop index submissions_due;
create index submissions_due on submissions (tenant_id, lane, next_due) where next_due is not null;
create index submissions_in_flight_by_host on submissions (lane) where state in ('claimed', 'transmitting') and lane <> '';

-- The host where it has limits for this work, and '' otherwise.
create function lane_of(work text, server jsonb) returns text language sql stable as $$
  select coalesce((select host from host_buckets where kind = work and host = lower(server ->> 'host')), '')
$$;

create function set_mailbox_lane() returns trigger language plpgsql as $$
begin
  new.lane := lane_of('poll', new.imap);
  return new;
end $$;
create trigger mailboxes_lane before insert or update of imap on mailboxes
  for each row execute function set_mailbox_lane();

create function set_submission_lane() returns trigger language plpgsql as $$
begin
  new.lane := (select lane_of('deliver', smtp) from mailboxes where id = new.mailbox_id);
  return new;
end $$;
create trigger submissions_lane before insert on submissions for each row execute function set_submission_lane();

-- Lowers lanes that are later than these moments and wakes the schedulers if that is soon. A lane that is early enough, or
-- that a limit holds anyway, is only read: however much of a tenant ends, its lane does not become a hot row. Lanes are
-- locked in one order everywhere, so that no two transactions wait for each other.
create function lower_lanes(work text, tenant_ids uuid[], names text[], dues timestamptz[]) returns void language plpgsql as $$
begin
  if not exists (
    select from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    left join lanes l on l.tenant_id = a.tenant_id and l.kind = work and l.lane = a.lane
    where l.tenant_id is null or (l.hold is null and l.next_due > a.next_due)
  ) then
    return;
  end if;
  insert into lanes (tenant_id, kind, lane, next_due)
    select a.tenant_id, work, a.lane, a.next_due from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    where not exists (select from lanes l where l.tenant_id = a.tenant_id and l.kind = work and l.lane = a.lane)
    order by a.tenant_id, a.lane
    on conflict do nothing;
  perform from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    join lanes l on l.tenant_id = a.tenant_id and l.kind = work and l.lane = a.lane
    where l.hold is null and l.next_due > a.next_due
    order by l.tenant_id, l.lane for update of l;
  update lanes l set next_due = a.next_due
    from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    where l.tenant_id = a.tenant_id and l.kind = work and l.lane = a.lane and l.hold is null and l.next_due > a.next_due;
  -- Schedulers look by themselves more often than every ten seconds.
  if (select min(due) from unnest(dues) as due) < now() + interval '10 seconds' then
    perform pg_notify('mailfleet_due', work);
  end if;
end $$;

-- Its statements see what was committed while the change ran, and it looks after the change has taken a transaction id:
-- the second look of the claim (fleet/lane-watch.ts) relies on both.
create function lower_lanes_of_changed_rows() returns trigger language plpgsql as $$
declare
  tenant_ids uuid[];
  names text[];
  dues timestamptz[];
begin
  if tg_op = 'INSERT' then
    select array_agg(tenant_id), array_agg(lane), array_agg(due) into tenant_ids, names, dues from (
      select tenant_id, lane, min(next_due) as due from new_rows where next_due is not null group by 1, 2) as changed;
  else
    -- Grouped, not joined: a plan made for one changed row must also be good for a thousand.
    select array_agg(tenant_id), array_agg(lane), array_agg(due) into tenant_ids, names, dues from (
      select tenant_id, lane, min(due) as due from (
        select tenant_id, lane, max(new_due) as due from (
          select id, tenant_id, lane, next_due as new_due, null::timestamptz as old_due from new_rows
          union all
          select id, tenant_id, lane, null, next_due from old_rows
        ) as both_rows
        group by id, tenant_id, lane
        having max(new_due) < coalesce(max(old_due), 'infinity')
      ) as earlier
      group by 1, 2) as changed;
  end if;
  if tenant_ids is not null then
    perform lower_lanes(tg_argv[0], tenant_ids, names, dues);
  end if;
  return null;
end $$;
create trigger mailboxes_inserted after insert on mailboxes referencing new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('poll');
create trigger mailboxes_updated after update on mailboxes referencing old table as old_rows new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('poll');
create trigger submissions_inserted after insert on submissions referencing new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('deliver');
create trigger submissions_updated after update on submissions referencing old table as old_rows new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('deliver');

-- A limit that was changed, or a tenant that is active again, is looked at right away.
create function reopen_lanes() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'tenants' then
    update lanes set next_due = now(), hold = null where tenant_id = new.id;
  else
    update lanes set next_due = now(), hold = null where tenant_id = new.tenant_id and kind = new.kind;
  end if;
  perform pg_notify('mailfleet_due', work) from unnest(array['poll', 'deliver']) as work;
  return null;
end $$;
create trigger tenants_reactivated after update of state on tenants
  for each row when (new.state = 'active' and old.state <> 'active') execute function reopen_lanes();
create trigger tenant_limits_changed after update of rate_per_second, burst, in_flight_max on tenant_buckets
  for each row when ((new.rate_per_second, new.burst, new.in_flight_max) is distinct from (old.rate_per_second, old.burst, old.in_flight_max))
  execute function reopen_lanes();

insert into lanes (tenant_id, kind, lane, next_due)
  select tenant_id, 'poll', '', min(next_due) from mailboxes where next_due is not null group by 1
  union all
  select tenant_id, 'deliver', '', min(next_due) from submissions where next_due is not null group by 1;

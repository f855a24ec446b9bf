-- Where the rows of a lane begin. What was due has moved on, but its index entries stay until a vacuum: a claim that starts
-- at the beginning of time walks them all. Nothing is made due in the past, so a lane's beginning only moves forward; whoever
-- does it all the same moves it back.
alter table lanes add column due_from timestamptz not null default '-infinity';

create or replace function lower_lanes(work text, tenant_ids uuid[], names text[], dues timestamptz[]) returns void language plpgsql as $$
begin
  if not exists (
    select from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    left join lateral (
      select hold, next_due, due_from from lanes where tenant_id = a.tenant_id and kind = work and lane = a.lane limit 1
    ) l on true
    where l.next_due is null or l.due_from > a.next_due or (l.hold is null and l.next_due > a.next_due)
  ) then
    return;
  end if;
  insert into lanes (tenant_id, kind, lane, next_due)
    select a.tenant_id, work, a.lane, a.next_due from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    left join lateral (
      select next_due from lanes where tenant_id = a.tenant_id and kind = work and lane = a.lane limit 1
    ) l on true
    where l.next_due is null
    order by a.tenant_id, a.lane
    on conflict do nothing;
  -- In the order of tenants and names, in which lanes are locked everywhere.
  with late as materialized (
    select l.tenant_id, l.lane, a.next_due
    from (
      select * from unnest(tenant_ids, names, dues) as each (tenant_id, lane, next_due) order by tenant_id, lane
    ) a
    cross join lateral (
      select tenant_id, lane from lanes
      where tenant_id = a.tenant_id and kind = work and lane = a.lane
        and (due_from > a.next_due or (hold is null and next_due > a.next_due))
      limit 1 for update
    ) l
  )
  update lanes l set
    next_due = case when l.hold is null then least(l.next_due, late.next_due) else l.next_due end,
    due_from = least(l.due_from, late.next_due)
    from late
    where l.tenant_id = late.tenant_id and l.kind = work and l.lane = late.lane;
  -- Schedulers look by themselves more often than every ten seconds.
  if (select min(due) from unnest(dues) as due) < now() + interval '10 seconds' then
    perform pg_notify('mailfleet_due', work);
  end if;
end $$;

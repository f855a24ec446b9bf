-- What a poll costs: each claim, start and end writes the mailbox's row anew, and with it an entry in every index of the
-- table. So what no schedule needs is indexed elsewhere, and a start changes nothing that is indexed.

-- Every address and alias of a mailbox of the fleet, in lower case.
create table mailbox_addresses (
  address text not null,
  mailbox_id uuid not null references mailboxes on delete cascade,
  primary key (address, mailbox_id)
);
create index mailbox_addresses_of_mailbox on mailbox_addresses (mailbox_id);

create function keep_mailbox_addresses() returns trigger language plpgsql as $$
begin
  delete from mailbox_addresses where mailbox_id = new.id;
  insert into mailbox_addresses (address, mailbox_id)
    select distinct lower(name), new.id from unnest(array_append(new.aliases, new.address)) as name;
  return null;
end $$;
create trigger mailboxes_named after insert on mailboxes for each row execute function keep_mailbox_addresses();
create trigger mailboxes_renamed after update of address, aliases on mailboxes for each row
  when (new.address <> old.address or new.aliases <> old.aliases) execute function keep_mailbox_addresses();
insert into mailbox_addresses (address, mailbox_id)
  select distinct lower(name), m.id from mailboxes m, unnest(array_append(m.aliases, m.address)) as name;
drop index mailboxes_by_address, mailboxes_by_alias;

-- One sign-in is one mailbox in the whole fleet, from its first proof until it is given up.
create table mailbox_identities (
  identity bytea primary key,
  mailbox_id uuid not null unique references mailboxes on delete cascade
);

create function keep_mailbox_identity() returns trigger language plpgsql as $$
begin
  delete from mailbox_identities where mailbox_id = new.id;
  if new.proven_at is not null and new.identity is not null then
    insert into mailbox_identities (identity, mailbox_id) values (new.identity, new.id);
  end if;
  return null;
end $$;
create trigger mailboxes_identified after insert on mailboxes for each row
  when (new.proven_at is not null) execute function keep_mailbox_identity();
create trigger mailboxes_reidentified after update of identity, proven_at on mailboxes for each row
  when (new.identity is distinct from old.identity or (new.proven_at is null) <> (old.proven_at is null))
  execute function keep_mailbox_identity();
insert into mailbox_identities (identity, mailbox_id) select identity, id from mailboxes where proven_at is not null;
drop index mailboxes_identity;

-- The same for claimed and running, so that a start leaves the index alone.
alter table mailboxes add column in_flight boolean not null generated always as (work_state in ('claimed', 'running')) stored;
drop index mailboxes_in_flight, mailboxes_in_flight_by_host;
create index mailboxes_in_flight on mailboxes (tenant_id) where in_flight;
create index mailboxes_in_flight_by_host on mailboxes (lane) where in_flight and lane <> '';

-- Looks each lane up by its key: a plan that reads all lanes costs more with every tenant.
create or replace function lower_lanes(work text, tenant_ids uuid[], names text[], dues timestamptz[]) returns void language plpgsql as $$
begin
  if not exists (
    select from unnest(tenant_ids, names, dues) as a (tenant_id, lane, next_due)
    left join lateral (
      select hold, next_due from lanes where tenant_id = a.tenant_id and kind = work and lane = a.lane limit 1
    ) l on true
    where l.next_due is null or (l.hold is null and l.next_due > a.next_due)
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
      where tenant_id = a.tenant_id and kind = work and lane = a.lane and hold is null and next_due > a.next_due
      limit 1 for update
    ) l
  )
  update lanes l set next_due = late.next_due from late
    where l.tenant_id = late.tenant_id and l.kind = work and l.lane = late.lane;
  -- Schedulers look by themselves more often than every ten seconds.
  if (select min(due) from unnest(dues) as due) < now() + interval '10 seconds' then
    perform pg_notify('mailfleet_due', work);
  end if;
end $$;

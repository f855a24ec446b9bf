-- What came of what was sent: our own mail seen again, reports of its failure, and looking for what may have left.

alter table submissions drop constraint submissions_state_check;
alter table submissions add constraint submissions_state_check check (
  state in (
    'scheduled', 'accepted', 'claimed', 'transmitting', 'deferred', 'sent', 'rejected', 'uncertain', 'held', 'cancelled', 'bounced'
  )
);
create index submissions_by_server_id on submissions (tenant_id, mailbox_id, server_message_id) where server_message_id is not null;

-- own: the fleet sent it from this mailbox and it came back, as the provider's Sent copy or as a copy to oneself.
alter table messages add column origin text not null default 'received' check (origin in ('received', 'own'));
alter table messages add column kind text not null default 'message'
  check (kind in ('message', 'bounce', 'complaint', 'auto-reply', 'list', 'calendar'));
-- The submission it is a copy of, or that it reports on.
alter table messages add column submission_id uuid;

alter table submission_recipients add column bounce text check (bounce in ('hard', 'soft'));
alter table submission_recipients add column bounced_at timestamptz;
alter table submission_recipients add column complained_at timestamptz;

-- Whom a tenant writes to no more. Addresses in lower case.
create table suppressions (
  tenant_id uuid not null references tenants,
  address text not null check (address = lower(address)),
  reason text not null check (reason in ('hard-bounce', 'complaint', 'added')),
  -- What was sent when it was found out; null where a person added it.
  submission_id uuid,
  added_at timestamptz not null default now(),
  primary key (tenant_id, address)
);

-- After an outcome nobody can tell, and a look at the Sent folder that did not help: wait for a person, or send the same
-- message, with the same Message-ID, once more.
alter table tenants add column uncertain_policy text not null default 'hold' check (uncertain_policy in ('hold', 'resend'));

-- One row for each submission that is, or was, uncertain: when its Sent folder is looked at next. A table of work like
-- mailboxes and submissions; next_due null: nobody looks any more.
create table reconciliations (
  id uuid primary key references submissions on delete cascade,
  tenant_id uuid not null references tenants,
  state text not null default 'idle' check (state in ('idle', 'claimed', 'running')),
  next_due timestamptz,
  epoch bigint not null default 0,
  failures_count integer not null default 0,
  lane text not null default '',
  began_at timestamptz not null default now(),
  -- Looks at a Sent folder that could be read, since it began.
  looks_count integer not null default 0,
  resends_count integer not null default 0,
  last_failure text
) with (fillfactor = 70);
create index reconciliations_due on reconciliations (tenant_id, lane, next_due) where next_due is not null;
create index reconciliations_in_flight on reconciliations (tenant_id) where state in ('claimed', 'running');

alter table tenant_buckets drop constraint tenant_buckets_kind_check;
alter table tenant_buckets add constraint tenant_buckets_kind_check check (kind in ('poll', 'deliver', 'reconcile'));
alter table lanes drop constraint lanes_kind_check;
alter table lanes add constraint lanes_kind_check check (kind in ('poll', 'deliver', 'reconcile'));

create trigger reconciliations_inserted after insert on reconciliations referencing new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('reconcile');
create trigger reconciliations_updated after update on reconciliations referencing old table as old_rows new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('reconcile');

-- Looking costs a login and four searches: a tenant whose server died in the middle of a thousand messages looks at leisure.
insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
  select id, 'reconcile', 10, 20, 5, 20 from tenants on conflict do nothing;
create function add_reconcile_bucket() returns trigger language plpgsql as $$
begin
  insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
    values (new.id, 'reconcile', 10, 20, 5, 20) on conflict do nothing;
  return null;
end $$;
create trigger tenants_reconcile after insert on tenants for each row execute function add_reconcile_bucket();

-- Whoever makes a submission uncertain has it looked for, and cannot forget to.
create function begin_reconciliation() returns trigger language plpgsql as $$
begin
  insert into reconciliations (id, tenant_id, next_due) values (new.id, new.tenant_id, now())
    on conflict (id) do update set state = 'idle', epoch = reconciliations.epoch + 1, next_due = excluded.next_due,
      began_at = now(), looks_count = 0, failures_count = 0, last_failure = null;
  return null;
end $$;
create trigger submissions_uncertain after update of state on submissions
  for each row when (new.state = 'uncertain' and old.state <> 'uncertain') execute function begin_reconciliation();
insert into reconciliations (id, tenant_id, next_due) select id, tenant_id, now() from submissions where state = 'uncertain';

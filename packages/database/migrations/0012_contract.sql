-- What a sender may ask of a message, and what a mailbox may send.

-- Addresses beside its own that the operator lets a mailbox send as. In lower case.
alter table mailboxes add column aliases text[] not null default '{}';

-- Past this moment nothing is begun any more.
alter table submissions add column expires_at timestamptz;

-- A mailbox whose server lets it send nothing for now: until when, and why. Its messages wait; none of them is to blame.
create table mailbox_stops (
  mailbox_id uuid primary key references mailboxes on delete cascade,
  tenant_id uuid not null references tenants,
  -- The code of the refusal.
  reason text not null,
  stopped_at timestamptz not null default now(),
  until timestamptz not null
);

-- What waits is due no sooner than its mailbox may send, and no later than its own end, whoever writes it. Those that a stop
-- held up come a minute after the one that was refused: it finds out whether the stop is over.
create function submission_due() returns trigger language plpgsql as $$
declare
  standing timestamptz;
begin
  select until into standing from mailbox_stops where mailbox_id = new.mailbox_id and until > now();
  if standing is not null and new.next_due <= standing then
    new.next_due := standing + interval '1 minute';
  end if;
  new.next_due := least(new.next_due, new.expires_at);
  return new;
end $$;
create trigger submissions_due_in_bounds before insert or update of next_due on submissions for each row
  when (new.next_due is not null and new.state in ('scheduled', 'accepted', 'deferred'))
  execute function submission_due();

-- Refusals that speak of the mailbox. Whoever writes one of them stops the mailbox, and cannot forget to. In the order of
-- everybody who ends a submission: the submission, then the mailbox.
create function stop_mailbox() returns trigger language plpgsql as $$
declare
  began boolean;
  ends timestamptz;
begin
  perform from mailboxes where id = new.mailbox_id for no key update; -- one after the other: the first of them tells
  began := not exists (
    select from mailbox_stops where mailbox_id = new.mailbox_id and until > now() and reason = new.state_reason);
  insert into mailbox_stops as s (mailbox_id, tenant_id, reason, until)
    values (new.mailbox_id, new.tenant_id, new.state_reason, greatest(new.next_due, now() + interval '1 minute'))
    on conflict (mailbox_id) do update set reason = excluded.reason, until = greatest(s.until, excluded.until),
      stopped_at = case when s.until <= now() or s.reason <> excluded.reason then now() else s.stopped_at end
    returning until into ends;
  update submissions set next_due = ends where id in (
    select id from submissions
    where tenant_id = new.tenant_id and mailbox_id = new.mailbox_id and next_due < ends
      and state in ('scheduled', 'accepted', 'deferred') and id <> new.id
    order by id limit 10000 for update skip locked);
  if began then
    with counter as (update mailboxes set event_seq = event_seq + 1 where id = new.mailbox_id returning event_seq)
    insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace, reason)
      select new.tenant_id, new.mailbox_id, event_seq, 'mailbox.sending-stopped', new.mailbox_id, new.namespace, new.state_reason
      from counter;
  end if;
  return null;
end $$;
create trigger submissions_stop_mailbox after update of state on submissions for each row
  when (new.state = 'deferred' and new.state_reason in (
    'sending.limited', 'sending.blocked', 'login.refused', 'login.suspect', 'connection.insecure', 'consent.missing',
    'credential.lost', 'credential.missing'))
  execute function stop_mailbox();

-- Somebody has done something about it: what waited is tried at once.
create function lift_stop() returns trigger language plpgsql as $$
begin
  delete from mailbox_stops where mailbox_id = (to_jsonb(new) ->> tg_argv[0])::uuid;
  return null;
end $$;
create trigger mailboxes_resumed after update of state on mailboxes for each row
  when (new.state = 'active') execute function lift_stop('id');
create trigger mailboxes_moved after update of smtp on mailboxes for each row
  when (new.smtp is distinct from old.smtp) execute function lift_stop('id');
create trigger credentials_changed after insert on credentials for each row execute function lift_stop('mailbox_id');

create function go_on_sending() returns trigger language plpgsql as $$
begin
  update submissions set next_due = now()
    where tenant_id = old.tenant_id and mailbox_id = old.mailbox_id and next_due > now()
      and (state in ('accepted', 'deferred') or state = 'scheduled' and send_at <= now());
  return null;
end $$;
create trigger mailbox_stops_lifted after delete on mailbox_stops for each row
  when (old.until > now()) execute function go_on_sending();

-- Automatic answers to one correspondent of a mailbox, as far as they still count.
create table automatic_answers (
  mailbox_id uuid not null references mailboxes on delete cascade,
  tenant_id uuid not null references tenants,
  address text not null check (address = lower(address)),
  idempotency_key text not null,
  answered_at timestamptz not null default now(),
  primary key (mailbox_id, address, idempotency_key)
);
create index automatic_answers_by_tenant on automatic_answers (tenant_id);
-- Whether an address is a mailbox of the fleet: nobody answers there automatically.
create index mailboxes_by_address on mailboxes (lower(address));
create index mailboxes_by_alias on mailboxes using gin (aliases) where aliases <> '{}';

-- Who puts what was sent into the mailbox's own Sent folder: its provider by itself, or the fleet.
alter table mailboxes add column sent_copy text not null default 'provider' check (sent_copy in ('provider', 'append'));

-- One row for each message whose copy the fleet appends: a table of work like reconciliations. next_due null: it is there, or
-- nobody tries any more, and last_failure says why.
create table sent_copies (
  id uuid primary key references submissions on delete cascade,
  tenant_id uuid not null references tenants,
  state text not null default 'idle' check (state in ('idle', 'claimed', 'running')),
  next_due timestamptz,
  epoch bigint not null default 0,
  failures_count integer not null default 0,
  lane text not null default '',
  began_at timestamptz not null default now(),
  -- present: it was there already, by the provider or by a run that was killed.
  outcome text check (outcome in ('appended', 'present', 'given-up')),
  last_failure text
) with (fillfactor = 70);
create index sent_copies_due on sent_copies (tenant_id, lane, next_due) where next_due is not null;
create index sent_copies_in_flight on sent_copies (tenant_id) where state in ('claimed', 'running');

alter table tenant_buckets drop constraint tenant_buckets_kind_check;
alter table tenant_buckets add constraint tenant_buckets_kind_check check (kind in ('poll', 'deliver', 'reconcile', 'sent-copy'));
alter table lanes drop constraint lanes_kind_check;
alter table lanes add constraint lanes_kind_check check (kind in ('poll', 'deliver', 'reconcile', 'sent-copy'));

create trigger sent_copies_inserted after insert on sent_copies referencing new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('sent-copy');
create trigger sent_copies_updated after update on sent_copies referencing old table as old_rows new table as new_rows
  for each statement execute function lower_lanes_of_changed_rows('sent-copy');

insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
  select id, 'sent-copy', 10, 20, 5, 20 from tenants on conflict do nothing;
create function add_sent_copy_bucket() returns trigger language plpgsql as $$
begin
  insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
    values (new.id, 'sent-copy', 10, 20, 5, 20) on conflict do nothing;
  return null;
end $$;
create trigger tenants_sent_copy after insert on tenants for each row execute function add_sent_copy_bucket();

-- In the transaction that says that it was sent: whatever dies after it, the copy is still owed.
create function owe_sent_copy() returns trigger language plpgsql as $$
begin
  insert into sent_copies (id, tenant_id, next_due)
    select new.id, new.tenant_id, now() from mailboxes where id = new.mailbox_id and sent_copy = 'append'
    on conflict (id) do nothing;
  return null;
end $$;
create trigger submissions_owe_sent_copy after update of state on submissions for each row
  when (new.state = 'sent' and old.state <> 'sent' and new.state_reason is distinct from 'found-in-sent-folder')
  execute function owe_sent_copy();

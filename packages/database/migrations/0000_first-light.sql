-- Every fact of the fleet. Times are timestamptz, states are text with a check, ids are UUIDv7 made by the application.

create table tenants (
  id uuid primary key,
  key text not null unique,
  namespace text not null unique,
  state text not null default 'active' check (state in ('active', 'suspended', 'offboarded')),
  weight integer not null default 1 check (weight between 1 and 1000),
  created_at timestamptz not null default now()
);

-- Limits of one tenant for one kind of work. Written by claims alone, so that no finish makes a tenant's row hot.
create table tenant_buckets (
  tenant_id uuid not null references tenants,
  kind text not null check (kind in ('poll', 'deliver')),
  rate_per_second double precision not null check (rate_per_second > 0),
  burst double precision not null check (burst >= 1),
  in_flight_max integer not null check (in_flight_max >= 1),
  tokens double precision not null,
  tokens_at timestamptz not null default now(),
  primary key (tenant_id, kind)
) with (fillfactor = 50);

create table mailboxes (
  id uuid primary key,
  tenant_id uuid not null references tenants,
  key text not null,
  address text not null,
  display_name text,
  imap jsonb not null,
  smtp jsonb,
  folder text not null default 'INBOX',
  start_from text not null check (start_from in ('now', 'beginning')),
  state text not null check (state in ('pending', 'active', 'paused', 'needs-attention', 'disconnected')),
  state_reason text,
  -- Who this mailbox is at its server: a digest of host and login name. Proven by a login, unique once proven.
  identity bytea not null,
  proven_at timestamptz,
  created_at timestamptz not null default now(),
  -- The schedule. next_due is also the visibility timeout while a poll is claimed or running; null: nothing is due.
  work_state text not null default 'idle' check (work_state in ('idle', 'claimed', 'running')),
  next_due timestamptz,
  epoch bigint not null default 0,
  failures_count integer not null default 0,
  quiet_passes_count integer not null default 0,
  last_failure text,
  event_seq bigint not null default 0,
  unique (tenant_id, key)
) with (fillfactor = 70);
create unique index mailboxes_identity on mailboxes (identity) nulls not distinct where proven_at is not null;
create index mailboxes_due on mailboxes (tenant_id, next_due) where next_due is not null;
create index mailboxes_next_due on mailboxes (next_due) where next_due is not null;
create index mailboxes_in_flight on mailboxes (tenant_id) where work_state in ('claimed', 'running');

-- How far each watched folder has been read. epoch is that of the run that moved it last.
create table cursors (
  tenant_id uuid not null,
  mailbox_id uuid not null references mailboxes,
  folder text not null,
  uid_validity bigint not null,
  last_uid bigint not null,
  highest_modseq numeric(20),
  started_at timestamptz not null default now(),
  checked_at timestamptz,
  epoch bigint not null,
  primary key (tenant_id, mailbox_id, folder)
) with (fillfactor = 70);

-- UIDs the server lists and does not deliver. At the third time they are passed, with an event.
create table unreadable_uids (
  tenant_id uuid not null,
  mailbox_id uuid not null references mailboxes,
  folder text not null,
  uid_validity bigint not null,
  uid bigint not null,
  attempts_count integer not null default 1,
  last_epoch bigint not null,
  primary key (tenant_id, mailbox_id, folder, uid_validity, uid)
);

create table tenant_keys (
  owner text not null,
  purpose text not null check (purpose in ('credentials', 'content', 'signing')),
  version integer not null check (version >= 1),
  key_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null default now(),
  destroyed_at timestamptz,
  primary key (owner, purpose, version)
);

create table credentials (
  id uuid primary key,
  tenant_id uuid not null references tenants,
  mailbox_id uuid not null references mailboxes,
  version integer not null check (version >= 1),
  flow text not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  unique (mailbox_id, version)
);
create unique index credentials_current on credentials (mailbox_id) where retired_at is null;

create table actors (
  id uuid primary key,
  tenant_id uuid references tenants,
  kind text not null check (kind in ('operator', 'agent', 'service')),
  name text not null,
  actions text[],
  mailbox_ids uuid[],
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  check ((kind = 'operator') = (tenant_id is null)),
  unique nulls not distinct (tenant_id, name)
);

create table signing_keys (
  kid text primary key,
  public_jwk jsonb not null,
  sealed_private bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

-- Laid out for 100 million rows: every key starts with the tenant, and a tenant's rows lie in one partition.
create table messages (
  tenant_id uuid not null,
  id uuid not null,
  mailbox_id uuid not null,
  namespace text not null,
  content_key bytea not null,
  message_id_header text,
  in_reply_to text,
  reference_ids text[] not null,
  thread_id uuid not null,
  -- What a list shows: subject, from, to, cc. Content, like the blobs.
  envelope jsonb not null,
  sent_at timestamptz,
  received_at timestamptz not null,
  stored_at timestamptz not null default now(),
  size_bytes bigint not null,
  raw_sha256 bytea not null,
  raw jsonb not null,
  -- Text and HTML as one JSON blob beside the raw message; null where the message was not parsed.
  body jsonb,
  unparsed_reason text,
  epoch bigint not null,
  primary key (tenant_id, id),
  unique (tenant_id, mailbox_id, content_key)
) partition by hash (tenant_id);
create index messages_by_message_id on messages (tenant_id, mailbox_id, message_id_header);
create index messages_by_thread on messages (tenant_id, thread_id);

create table message_locations (
  tenant_id uuid not null,
  mailbox_id uuid not null,
  folder text not null,
  uid_validity bigint not null,
  uid bigint not null,
  message_id uuid not null,
  primary key (tenant_id, mailbox_id, folder, uid_validity, uid)
) partition by hash (tenant_id);
create index message_locations_by_message on message_locations (tenant_id, message_id);

create table attachments (
  tenant_id uuid not null,
  message_id uuid not null,
  position integer not null,
  filename text,
  content_type text not null,
  content_id text,
  inline boolean not null,
  size_bytes bigint not null,
  sha256 bytea not null,
  blob jsonb not null,
  primary key (tenant_id, message_id, position)
) partition by hash (tenant_id);

-- seq counts up by one per mailbox, in the order of commits: it is taken under the mailbox's row lock.
create table events (
  tenant_id uuid not null,
  mailbox_id uuid not null,
  seq bigint not null,
  type text not null,
  subject_id uuid not null,
  namespace text not null,
  at timestamptz not null default now(),
  primary key (tenant_id, mailbox_id, seq)
) partition by hash (tenant_id);

do $$
declare
  parent text;
begin
  foreach parent in array array['messages', 'message_locations', 'attachments', 'events'] loop
    for i in 0..15 loop
      execute format('create table %I partition of %I for values with (modulus 16, remainder %s)', parent || '_' || i, parent, i);
    end loop;
  end loop;
end $$;

create table subscriptions (
  id uuid primary key,
  tenant_id uuid not null references tenants,
  name text not null,
  types text[] not null,
  created_at timestamptz not null default now(),
  unique (tenant_id, name)
);
create table subscription_positions (
  subscription_id uuid not null references subscriptions on delete cascade,
  mailbox_id uuid not null references mailboxes,
  acknowledged_seq bigint not null default 0,
  primary key (subscription_id, mailbox_id)
);

create table submissions (
  id uuid primary key,
  tenant_id uuid not null references tenants,
  mailbox_id uuid not null references mailboxes,
  namespace text not null,
  actor_id uuid not null references actors,
  idempotency_key text not null,
  request_sha256 bytea not null,
  state text not null check (
    state in ('accepted', 'claimed', 'transmitting', 'deferred', 'sent', 'rejected', 'uncertain', 'held', 'cancelled')
  ),
  state_reason text,
  next_due timestamptz,
  epoch bigint not null default 0,
  failures_count integer not null default 0,
  attempts_count integer not null default 0,
  first_attempt_at timestamptz,
  message_id_header text not null unique,
  server_message_id text,
  thread_id uuid not null,
  answers_message_id uuid,
  envelope_from text not null,
  raw jsonb not null,
  size_bytes bigint not null,
  created_at timestamptz not null default now(),
  final_at timestamptz,
  unique (tenant_id, idempotency_key)
) with (fillfactor = 70);
create index submissions_due on submissions (tenant_id, next_due) where next_due is not null;
create index submissions_next_due on submissions (next_due) where next_due is not null;
create index submissions_in_flight on submissions (tenant_id) where state in ('claimed', 'transmitting');

-- The outcome lives per recipient; the submission's state is derived from it.
create table submission_recipients (
  submission_id uuid not null references submissions on delete cascade,
  tenant_id uuid not null,
  address text not null,
  state text not null default 'waiting' check (state in ('waiting', 'accepted', 'deferred', 'rejected', 'bounced')),
  attempts_count integer not null default 0,
  code integer,
  enhanced_code text,
  changed_at timestamptz not null default now(),
  primary key (submission_id, address)
);

-- One row for each attempt and recipient it concerned; address null where the attempt ended before any was named.
create table submission_attempts (
  submission_id uuid not null references submissions on delete cascade,
  tenant_id uuid not null,
  epoch bigint not null,
  address text,
  outcome text not null,
  code integer,
  enhanced_code text,
  at timestamptz not null default now(),
  unique nulls not distinct (submission_id, epoch, address)
);

create table audit (
  id uuid primary key,
  at timestamptz not null,
  actor_kind text not null,
  actor_id text not null,
  action text not null,
  tenant_id uuid,
  mailbox_id uuid,
  subject_id text,
  outcome text not null check (outcome in ('allowed', 'denied', 'failed', 'discarded')),
  reason text not null
);
create index audit_at on audit (at);
create index audit_tenant on audit (tenant_id, at);

-- What channels and processes were allowed, one row per actor, action and minute.
create table audit_counts (
  minute timestamptz not null,
  actor_kind text not null,
  actor_id text not null,
  action text not null,
  allowed_count bigint not null,
  primary key (minute, actor_kind, actor_id, action)
);

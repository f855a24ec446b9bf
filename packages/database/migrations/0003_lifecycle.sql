-- Taking access away, and a credential's whole life.

-- Who lost access to what, for workers to end what runs and forget what they hold. Written by the triggers below in the
-- transaction that takes the access away, so that nobody can forget to. Numbers are given before a transaction commits and
-- so appear out of order: a reader goes by xid, see fleet/access-changes.ts.
create table access_changes (
  seq bigint generated always as identity primary key,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default now(),
  tenant_id uuid not null,
  mailbox_id uuid,
  actor_id uuid,
  cause text not null check (
    cause in ('tenant-closed', 'mailbox-closed', 'credential-destroyed', 'credential-rotated', 'actor-revoked')
  )
);
create index access_changes_xid on access_changes (xid);
create index access_changes_at on access_changes (at);

-- Workers read every second; what is an hour old has been read by all that live, and goes as new ones come.
create function record_access_change(tenant uuid, mailbox uuid, actor uuid, why text) returns void language plpgsql as $$
begin
  insert into access_changes (tenant_id, mailbox_id, actor_id, cause) values (tenant, mailbox, actor, why);
  delete from access_changes where seq in (
    select seq from access_changes where at < now() - interval '1 hour' order by at limit 100 for update skip locked);
  perform pg_notify('mailfleet_access', '');
end $$;

create function tell_access_change() returns trigger language plpgsql as $$
begin
  case tg_table_name
    when 'tenants' then perform record_access_change(new.id, null, null, 'tenant-closed');
    when 'mailboxes' then perform record_access_change(new.tenant_id, new.id, null, 'mailbox-closed');
    when 'actors' then perform record_access_change(new.tenant_id, null, new.id, 'actor-revoked');
    when 'credentials' then
      -- A version that goes while another is in force was replaced: what runs on it may end by itself.
      perform record_access_change(old.tenant_id, old.mailbox_id, null, case
        when exists (select from credentials c where c.mailbox_id = old.mailbox_id and c.retired_at is null)
        then 'credential-rotated' else 'credential-destroyed' end);
  end case;
  return null;
end $$;
create trigger tenants_closed after update of state on tenants
  for each row when (old.state = 'active' and new.state <> 'active') execute function tell_access_change();
create trigger mailboxes_closed after update of state on mailboxes
  for each row when (old.state = 'active' and new.state <> 'active') execute function tell_access_change();
-- An operator has no tenant, and nothing of theirs runs in a worker.
create trigger actors_revoked after update of revoked_at on actors
  for each row when (old.revoked_at is null and new.revoked_at is not null and new.tenant_id is not null)
  execute function tell_access_change();
create trigger credentials_deleted after delete on credentials for each row execute function tell_access_change();

-- The next version of a credential while it is being verified: beside the one in force, and not in force itself.
create table staged_credentials (
  mailbox_id uuid primary key references mailboxes,
  tenant_id uuid not null references tenants,
  id uuid not null,
  version integer not null check (version >= 1),
  flow text not null,
  sealed bytea not null,
  created_at timestamptz not null default now()
);

-- What was destroyed when a tenant was offboarded, as a JWS (RFC 7515) by the fleet's signing key.
create table offboarding_reports (
  id uuid primary key,
  tenant_id uuid not null references tenants,
  contents text not null check (contents in ('kept', 'purged')),
  report text not null,
  created_at timestamptz not null default now(),
  unique (tenant_id, contents)
);

-- Whose a mailbox is at its provider, as far as somebody has proven it. What a token is asked for, directory and mailbox,
-- is read from here and from nowhere else. A row is a proof: what is pending has none and reserves nothing.
create table mailbox_bindings (
  mailbox_id uuid primary key references mailboxes,
  tenant_id uuid not null references tenants,
  provider text not null check (provider in ('microsoft', 'google', 'oidc')),
  -- Entra's directory id, or a domain; null where the provider knows none.
  directory text,
  -- The mailbox's address there, in lower case.
  subject text not null check (subject = lower(subject)),
  proof text not null check (proof in ('id-token', 'dns-txt', 'nonce', 'sign-in', 'assertion')),
  proven_by text not null,
  proven_at timestamptz not null default now()
);
-- One mailbox is one tenant's, whichever way its directory was written down.
create unique index mailbox_bindings_subject on mailbox_bindings (provider, subject) nulls not distinct;

-- What a proof has to answer: made for one mailbox, good for a while and once. Only its digest is here.
create table binding_challenges (
  mailbox_id uuid not null references mailboxes,
  tenant_id uuid not null references tenants,
  method text not null check (method in ('id-token', 'dns-txt', 'nonce')),
  nonce_sha256 bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  failures_count integer not null default 0,
  primary key (mailbox_id, method)
);

-- A mailbox that is given up, or is another one from now on, keeps no proof of what it was.
create function drop_binding() returns trigger language plpgsql as $$
begin
  delete from mailbox_bindings where mailbox_id = new.id;
  delete from binding_challenges where mailbox_id = new.id;
  return null;
end $$;
create trigger mailboxes_rebound after update of proven_at, address, identity, state on mailboxes
  for each row when (
    (old.proven_at is not null and new.proven_at is null) or new.address <> old.address or new.identity <> old.identity
    or (new.state = 'disconnected' and old.state <> 'disconnected'))
  execute function drop_binding();

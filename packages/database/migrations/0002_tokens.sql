-- What token endpoints gave, shared by the whole fleet, and the lease of whoever is asking one right now.

-- subject: what was exchanged, such as one version of a credential, or an app and a directory. The row is the lease too: no
-- connection is held while the provider answers. It goes with the credential it was exchanged for.
create table access_tokens (
  tenant_id uuid not null references tenants,
  subject text not null,
  credential_id uuid not null references credentials on delete cascade,
  sealed bytea,
  -- Lets a server's refusal be compared with what lies here, without opening it.
  token_sha256 bytea,
  expires_at timestamptz,
  refresh_at timestamptz,
  lease_id uuid,
  lease_until timestamptz,
  -- A lease ran out: its holder may have exchanged the credential and died before it could store what it got.
  interrupted boolean not null default false,
  -- The last answer was a refusal: nobody asks again before this moment.
  failure text,
  failure_until timestamptz,
  primary key (tenant_id, subject)
) with (fillfactor = 50);
create index access_tokens_by_credential on access_tokens (credential_id);

-- Clients that the operator registered at providers, each for many mailboxes. client_id is public; the rest is sealed.
create table provider_apps (
  id uuid primary key,
  name text not null unique,
  kind text not null check (kind in ('microsoft', 'google', 'google-service-account', 'oidc')),
  client_id text not null,
  version integer not null check (version >= 1),
  sealed bytea not null,
  created_at timestamptz not null default now(),
  rotated_at timestamptz,
  -- The provider refused the app itself: until then nobody asks with it, and no mailbox is to blame.
  blocked_until timestamptz,
  blocked_reason text
);

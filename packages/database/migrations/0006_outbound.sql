-- Sends that leave later, or not at all.

alter table submissions add column send_at timestamptz;
alter table submissions drop constraint submissions_state_check;
alter table submissions add constraint submissions_state_check check (
  state in (
    'scheduled', 'accepted', 'claimed', 'transmitting', 'deferred', 'sent', 'rejected', 'uncertain', 'held', 'cancelled', 'bounced'
  )
);

-- Public keys with which actors sign what they put on a queue themselves. The kid is the key's thumbprint (RFC 7638).
create table actor_keys (
  kid text primary key,
  actor_id uuid not null references actors,
  public_jwk jsonb not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
create index actor_keys_by_actor on actor_keys (actor_id);

-- Proofs that have been seen, until nobody would accept them any more.
create table used_proofs (
  kid text not null references actor_keys,
  jti text not null,
  content_sha256 bytea not null,
  expires_at timestamptz not null,
  primary key (kid, jti)
);
create index used_proofs_expired on used_proofs (expires_at);

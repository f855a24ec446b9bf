-- What may be believed of a message, what is done with it, and to whom a tenant may write.

-- sender_verdict and its evidence say what was found; attributed_to is the one name the fleet vouches for. What is held in
-- quarantine has none, whoever it claims to be from.
alter table messages
  add column sender_verdict text not null default 'unverified'
    check (sender_verdict in ('verified', 'unverified', 'spoofed', 'internal')),
  add column sender_evidence text[] not null default '{}',
  add column attributed_to text,
  add column flags text[] not null default '{}',
  -- [{classifier, version, labels, answered}]: who looked at the content, and what was found.
  add column verdicts jsonb not null default '[]',
  add column quarantine text check (quarantine in ('held', 'released', 'deleted')),
  add column quarantine_reason text,
  add column quarantine_changed_at timestamptz,
  add constraint quarantine_has_reason check ((quarantine is null) = (quarantine_reason is null)),
  add constraint quarantine_has_no_identity check (quarantine is distinct from 'held' or attributed_to is null);
-- Whose word about a sender is believed in this mailbox: the trusted hop, the organisation's own domains, trusted sealers.
alter table mailboxes add column sender_trust jsonb not null
  default '{"trustedHop": {"kind": "none"}, "internalDomains": [], "trustedSealers": []}';

create index messages_quarantined on messages (tenant_id, id) where quarantine = 'held';

alter table events add column reason text;

-- Labels are those of the classifiers, of the sender check and of the parser's limits; '*' is every label without a row.
create table tenant_policies (
  tenant_id uuid not null references tenants,
  direction text not null check (direction in ('inbound', 'outbound')),
  label text not null check (label <> ''),
  action text not null,
  primary key (tenant_id, direction, label),
  check (action in ('deliver', 'flag', 'quarantine') and direction = 'inbound' or
         action in ('deliver', 'hold', 'refuse') and direction = 'outbound')
);

alter table tenants
  add column outbound_policy text not null default 'open'
    check (outbound_policy in ('replies-only', 'known-correspondents', 'allow-list', 'open')),
  add column quarantine_max integer not null default 10000 check (quarantine_max >= 0);

-- Whom to attribute (sender) and whom to write to (recipient): an address, or a domain as '@example.org'.
create table allow_list (
  tenant_id uuid not null references tenants,
  direction text not null check (direction in ('sender', 'recipient')),
  pattern text not null check (pattern = lower(pattern) and pattern like '%@%'),
  added_at timestamptz not null default now(),
  primary key (tenant_id, direction, pattern)
);

-- Who has verifiably written to the tenant. Only the store of an attributed message writes here.
create table correspondents (
  tenant_id uuid not null,
  address text not null check (address = lower(address)),
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (tenant_id, address)
) with (fillfactor = 70);

alter table submissions
  add column verdicts jsonb not null default '[]',
  -- A person has looked at what was held for its content: the content is not held for a second time.
  add column content_released_at timestamptz;
create function note_content_release() returns trigger language plpgsql as $$
begin
  new.content_released_at := now();
  return new;
end $$;
create trigger submissions_content_released before update of state on submissions for each row
  when (old.state = 'held' and new.state = 'accepted' and old.state_reason in ('content.held', 'classifier.unavailable'))
  execute function note_content_release();

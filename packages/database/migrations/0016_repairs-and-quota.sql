-- A mailbox that needs attention may be tried again by itself, so taking it away from there ends a run as well.

drop trigger mailboxes_closed on mailboxes;
create trigger mailboxes_closed after update of state on mailboxes
  for each row when (old.state in ('active', 'needs-attention') and new.state not in (old.state, 'active'))
  execute function tell_access_change();

-- Those that wait for a repair already begin to be tried, spread over an hour.
update mailboxes set next_due = now() + random() * interval '1 hour'
where state = 'needs-attention' and next_due is null
  and state_reason in ('connection.insecure', 'consent.missing', 'folder.missing');

-- How much the held messages of a tenant may weigh together, beside how many they may be.
alter table tenants
  add column quarantine_bytes_max bigint not null default 10000000000 check (quarantine_bytes_max >= 0);
create index messages_held on messages (tenant_id, id) include (size_bytes) where quarantine = 'held';
drop index messages_quarantined;

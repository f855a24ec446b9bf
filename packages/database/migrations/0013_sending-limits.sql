-- What providers take from one mailbox: sends are given a moment each, in the order in which they ask.

create table mailbox_sending (
  mailbox_id uuid primary key references mailboxes on delete cascade,
  tenant_id uuid not null,
  -- No send before this moment.
  free_at timestamptz not null,
  -- What was handed in, or is to be, by the hour: [{hour, messages, recipients}], as far as a limit still counts it.
  hours jsonb not null default '[]'
) with (fillfactor = 70);

-- The moment that was reserved; an attempt at that time is within the limits, and takes it.
alter table submissions add column slot_at timestamptz;
create index submissions_transmitting on submissions (mailbox_id) where state = 'transmitting';

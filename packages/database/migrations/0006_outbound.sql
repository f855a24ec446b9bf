-- Sends that leave later, or not at all.

alter table submissions add column send_at timestamptz;
alter table submissions drop constraint submissions_state_check;
alter table submissions add constraint submissions_state_check check (
  state in (
    'scheduled', 'accepted', 'claimed', 'transmitting', 'deferred', 'sent', 'rejected', 'uncertain', 'held', 'cancelled', 'bounced'
  )
);

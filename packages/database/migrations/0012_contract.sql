-- What a sender may ask of a message, and what a mailbox may send.

-- Addresses beside its own that the operator lets a mailbox send as. In lower case.
alter table mailboxes add column aliases text[] not null default '{}';

-- Past this moment nothing is begun any more. What waits for a later one waits until then alone, whoever writes it.
alter table submissions add column expires_at timestamptz;
create function submission_ends_in_time() returns trigger language plpgsql as $$
begin
  new.next_due := least(new.next_due, new.expires_at);
  return new;
end $$;
create trigger submissions_expire before insert or update of next_due on submissions for each row
  when (new.expires_at < new.next_due and new.state in ('scheduled', 'accepted', 'deferred'))
  execute function submission_ends_in_time();

-- A mailbox is as fresh as the watched folder that was looked at least recently. One that is watched only since its settings
-- were changed counts from then. Null: since the mailbox became active.
alter table mailboxes add column folders_since timestamptz;

create function watch_folders_anew() returns trigger language plpgsql as $$
begin
  new.folders_since := now();
  return new;
end $$;
create trigger mailboxes_folders_changed before update of folder, more_folders on mailboxes
  for each row when (new.folder <> old.folder or new.more_folders <> old.more_folders) execute function watch_folders_anew();

-- The segments of the blob store that committed rows name. A file that is not in here belongs to a transaction that failed.

create table segments (
  tenant_id uuid not null references tenants,
  segment text not null,
  primary key (tenant_id, segment)
);

-- By the transaction that names it, so that nobody can forget to; once for each statement.
create function note_message_segments() returns trigger language plpgsql as $$
begin
  insert into segments (tenant_id, segment)
    select distinct tenant_id, blob ->> 'segment'
    from (select tenant_id, raw as blob from new_rows union all select tenant_id, body from new_rows) named
    where blob ->> 'segment' is not null order by 1, 2
    on conflict do nothing;
  return null;
end $$;
create trigger messages_segments after insert on messages referencing new table as new_rows
  for each statement execute function note_message_segments();

create function note_attachment_segments() returns trigger language plpgsql as $$
begin
  insert into segments (tenant_id, segment)
    select distinct tenant_id, blob ->> 'segment' from new_rows
    where blob ->> 'segment' is not null order by 1, 2
    on conflict do nothing;
  return null;
end $$;
create trigger attachments_segments after insert on attachments referencing new table as new_rows
  for each statement execute function note_attachment_segments();

create function note_submission_segments() returns trigger language plpgsql as $$
begin
  insert into segments (tenant_id, segment)
    select distinct tenant_id, raw ->> 'segment' from new_rows
    where raw ->> 'segment' is not null order by 1, 2
    on conflict do nothing;
  return null;
end $$;
create trigger submissions_segments after insert on submissions referencing new table as new_rows
  for each statement execute function note_submission_segments();

-- What was stored before is named as well.
insert into segments (tenant_id, segment)
select distinct tenant_id, blob ->> 'segment' from (
  select tenant_id, raw as blob from messages union all select tenant_id, body from messages
  union all select tenant_id, blob from attachments union all select tenant_id, raw from submissions
) named
where blob ->> 'segment' is not null;

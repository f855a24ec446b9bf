-- The segments of the blob store that committed rows name, and in how many places they do. A file that is not in here belongs to
-- a transaction that failed, or to rows that are gone.

create table segments (
  tenant_id uuid not null references tenants,
  segment text not null,
  references_count bigint not null,
  primary key (tenant_id, segment)
) with (fillfactor = 70);

-- By the transaction that writes the rows, so that nobody can forget to, in the order of the key.
create function count_references(named jsonb, change int) returns void language plpgsql as $$
begin
  if change > 0 then
    insert into segments as s (tenant_id, segment, references_count)
      select (n ->> 0)::uuid, n ->> 1, count(*) from jsonb_array_elements(named) n group by 1, 2 order by 1, 2
      on conflict (tenant_id, segment) do update set references_count = s.references_count + excluded.references_count;
  else
    with gone as materialized (
      select (n ->> 0)::uuid as tenant_id, n ->> 1 as segment, count(*) as count
      from jsonb_array_elements(named) n group by 1, 2
    ), locked as materialized (
      select s.tenant_id, s.segment, s.references_count - gone.count as left_count
      from segments s join gone using (tenant_id, segment) order by s.tenant_id, s.segment for update of s
    ), counted as (
      update segments s set references_count = left_count from locked
      where s.tenant_id = locked.tenant_id and s.segment = locked.segment and left_count > 0
    )
    delete from segments s using locked
    where s.tenant_id = locked.tenant_id and s.segment = locked.segment and left_count <= 0;
  end if;
end $$;

-- Once for each statement. The columns that name blobs: raw and body of messages, blob of attachments, raw of submissions.
create function count_message_references() returns trigger language plpgsql as $$
begin
  perform count_references(jsonb_agg(jsonb_build_array(tenant_id, blob ->> 'segment')), tg_argv[0]::int)
    from (select tenant_id, raw as blob from changed_rows union all select tenant_id, body from changed_rows) named
    where blob ->> 'segment' is not null having count(*) > 0;
  return null;
end $$;
create trigger messages_references_more after insert on messages referencing new table as changed_rows
  for each statement execute function count_message_references('1');
create trigger messages_references_less after delete on messages referencing old table as changed_rows
  for each statement execute function count_message_references('-1');

-- A quarantined message that is deleted loses its content and keeps its row.
create function move_message_references() returns trigger language plpgsql as $$
begin
  perform count_references(jsonb_agg(jsonb_build_array(old.tenant_id, blob ->> 'segment')), -1)
    from (values (old.raw), (old.body)) named(blob) where blob ->> 'segment' is not null having count(*) > 0;
  perform count_references(jsonb_agg(jsonb_build_array(new.tenant_id, blob ->> 'segment')), 1)
    from (values (new.raw), (new.body)) named(blob) where blob ->> 'segment' is not null having count(*) > 0;
  return null;
end $$;
create trigger messages_references_moved after update of raw, body on messages for each row
  when (old.raw is distinct from new.raw or old.body is distinct from new.body) execute function move_message_references();

create function count_attachment_references() returns trigger language plpgsql as $$
begin
  perform count_references(jsonb_agg(jsonb_build_array(tenant_id, blob ->> 'segment')), tg_argv[0]::int)
    from changed_rows where blob ->> 'segment' is not null having count(*) > 0;
  return null;
end $$;
create trigger attachments_references_more after insert on attachments referencing new table as changed_rows
  for each statement execute function count_attachment_references('1');
create trigger attachments_references_less after delete on attachments referencing old table as changed_rows
  for each statement execute function count_attachment_references('-1');

create function count_submission_references() returns trigger language plpgsql as $$
begin
  perform count_references(jsonb_agg(jsonb_build_array(tenant_id, raw ->> 'segment')), tg_argv[0]::int)
    from changed_rows where raw ->> 'segment' is not null having count(*) > 0;
  return null;
end $$;
create trigger submissions_references_more after insert on submissions referencing new table as changed_rows
  for each statement execute function count_submission_references('1');
create trigger submissions_references_less after delete on submissions referencing old table as changed_rows
  for each statement execute function count_submission_references('-1');

-- What was stored before is named as well.
insert into segments (tenant_id, segment, references_count)
select tenant_id, blob ->> 'segment', count(*) from (
  select tenant_id, raw as blob from messages union all select tenant_id, body from messages
  union all select tenant_id, blob from attachments union all select tenant_id, raw from submissions
) named
where blob ->> 'segment' is not null group by 1, 2;

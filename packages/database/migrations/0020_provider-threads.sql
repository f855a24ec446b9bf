-- The provider's own id of the conversation a message is in (X-GM-THRID, THREADID), where it has one.
alter table messages add column provider_thread_id text;
create index messages_by_provider_thread on messages (tenant_id, mailbox_id, provider_thread_id)
  where provider_thread_id is not null;

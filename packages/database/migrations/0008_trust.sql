-- Who was written to in a thread takes part in it.
create index submissions_by_thread on submissions (tenant_id, thread_id);

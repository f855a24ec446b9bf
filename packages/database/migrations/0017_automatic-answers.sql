-- A breaker for the whole tenant beside the one for each correspondent: so many automatic answers in any 24 hours.
alter table tenants add column automatic_answers_per_day_max integer not null default 1000
  check (automatic_answers_per_day_max >= 0);

-- Counts a day of one tenant, and finds what is older.
create index automatic_answers_by_day on automatic_answers (tenant_id, answered_at);
drop index automatic_answers_by_tenant;

-- At most so many of a tenant's rows are in flight: what was counted last, and what has been claimed since. Ends are not
-- written here, or the row would be everyone's; claims count again where it matters. Null: not counted yet.
alter table tenant_buckets add column in_flight_most integer;

-- What a sender may ask of a message, and what a mailbox may send.

-- Addresses beside its own that the operator lets a mailbox send as. In lower case.
alter table mailboxes add column aliases text[] not null default '{}';

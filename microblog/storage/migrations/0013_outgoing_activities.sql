-- Outgoing activities are made from the event log: an activity and its deliveries are written at once, with the position in the log up to
-- which that is done. Nothing has used the tables of 0012_federation.sql yet that change here.

-- Position in the event log up to which activities were made.
create table outbound_position (
    is_only boolean primary key default true check (is_only),
    epoch text not null,
    xid xid8 not null,
    id bigint not null
);

-- What other servers were last told of an account: a digest of its document.
create table sent_profiles (
    account_id bigint primary key references accounts on delete cascade,
    digest text not null
);

alter table outgoing_activities
    drop column post_id,
    drop column data,
    drop column expanded_at,  -- with its two indexes
    alter column body set not null,
    add column followers_only boolean not null default false;  -- its deliveries carry the digest of the followers on their host
create index outgoing_activities_by_time on outgoing_activities (created_at);  -- cleanup

-- Inboxes that got a post, for edits and its deletion: one row a post, which takes a tenth of the space that one row an inbox takes.
drop table post_recipients;
create table post_recipients (
    post_id bigint primary key,  -- no foreign key: a deletion is told after the row is gone
    inboxes text[] not null
);

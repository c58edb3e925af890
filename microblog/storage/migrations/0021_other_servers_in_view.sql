-- What clients and pages show of other servers: groups, memorial accounts, and when replies and counters were last read there. No rewrite of
-- a table; the previous release can serve meanwhile.

alter table accounts
    add column is_group boolean not null default false,  -- an actor of the type Group, which boosts what its members post
    add column memorial boolean not null default false;  -- its owner died

-- When the numbers of an actor's followers, followed accounts and posts were last read on its server.
alter table remote_actors add column counts_fetched_at timestamptz;

-- When the replies to a post of another server were last read there.
create table remote_replies (
    post_id bigint primary key references posts on delete cascade,
    fetched_at timestamptz not null
);

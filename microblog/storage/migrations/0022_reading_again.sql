-- When the pinned posts and polls of other servers were last read, so that they are not asked for again too soon. No rewrite of a table;
-- the previous release, which reads neither, can serve meanwhile.

alter table remote_actors add column featured_fetched_at timestamptz;  -- null: never

create table poll_fetches (
    poll_id bigint primary key references polls on delete cascade,
    fetched_at timestamptz not null
);

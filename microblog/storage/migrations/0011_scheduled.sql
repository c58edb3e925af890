-- Posts that wait for their time. A job publishes each; the row goes in the transaction that makes the post.
create table scheduled_posts (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    scheduled_at timestamptz not null,
    draft jsonb not null,
    key text,  -- idempotency key
    problem text not null default '',  -- why it could not be published
    created_at timestamptz not null
);
create index scheduled_posts_by_account on scheduled_posts (account_id, id desc);  -- the author's list; foreign key; how many there are
create unique index scheduled_posts_keys on scheduled_posts (account_id, key) where key is not null;  -- a retry gets the first answer

alter table media add column scheduled_id bigint references scheduled_posts on delete set null;
create index media_by_scheduled on media (scheduled_id, place) where scheduled_id is not null;  -- what it will show; foreign key

-- Polls: each belongs to a post. Counters stand with the poll, so that a page of posts need not count votes.
create table polls (
    id bigint primary key,
    post_id bigint not null unique references posts on delete cascade,
    options text[] not null,
    counts integer[] not null,  -- ticks of each option
    voters integer not null default 0,
    multiple boolean not null,
    hide_totals boolean not null,
    expires_at timestamptz not null
) with (fillfactor = 70);

create table votes (
    poll_id bigint not null references polls on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    choice smallint not null,
    created_at timestamptz not null,
    primary key (poll_id, account_id, choice)  -- the viewer's own votes; who is to be told of the end
);
create index votes_by_account on votes (account_id);  -- foreign key

-- What was asked in an edition of a post.
alter table revisions add column options text[];

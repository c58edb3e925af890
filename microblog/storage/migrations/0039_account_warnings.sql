-- What moderators decided about somebody, and what they told them. The notification about it points here.
create table account_warnings (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,  -- whose account it is about
    moderator_id bigint references accounts on delete set null,
    report_id bigint references reports on delete set null,  -- the report that led to it
    action text not null,
    text text not null,
    post_ids bigint[] not null default '{}',  -- the posts that the report names
    created_at timestamptz not null
);
create index account_warnings_by_account on account_warnings (account_id, id desc);  -- what was decided about somebody; foreign key
create index account_warnings_by_moderator on account_warnings (moderator_id) where moderator_id is not null;  -- foreign key
create index account_warnings_by_report on account_warnings (report_id) where report_id is not null;  -- foreign key

alter table notifications add column warning_id bigint references account_warnings on delete cascade;

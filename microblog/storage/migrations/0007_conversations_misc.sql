-- What people keep about tags and people, what moderators are told, what the site announces, who may notify whom, and direct conversations.

create table followed_tags (
    id bigint primary key,  -- pages the list
    account_id bigint not null references accounts on delete cascade,
    tag_id bigint not null references tags on delete cascade,
    created_at timestamptz not null,
    unique (account_id, tag_id)  -- home; one each
);
create index followed_tags_by_account on followed_tags (account_id, id desc);  -- the list
create index followed_tags_by_tag on followed_tags (tag_id);  -- foreign key

create table featured_tags (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    tag_id bigint not null references tags on delete cascade,
    created_at timestamptz not null,
    unique (account_id, tag_id)
);
create index featured_tags_by_tag on featured_tags (tag_id);  -- foreign key

-- People whom somebody shows on their profile. Only who is followed can be: the foreign key ends it with the follow.
create table endorsements (
    id bigint primary key,
    account_id bigint not null,
    target_id bigint not null,
    created_at timestamptz not null,
    unique (account_id, target_id),
    foreign key (account_id, target_id) references follows (follower_id, followee_id) on delete cascade
);
create index endorsements_by_account on endorsements (account_id, id desc);  -- the list

create table domain_blocks (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    domain text not null,
    created_at timestamptz not null,
    unique (account_id, domain)
);
create index domain_blocks_by_account on domain_blocks (account_id, id desc);  -- the list

create table dismissed_suggestions (
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    primary key (account_id, target_id)
);
create index dismissed_suggestions_by_target on dismissed_suggestions (target_id);  -- foreign key

create table announcements (
    id bigint primary key,
    text text not null,
    html text not null,
    starts_at timestamptz,
    ends_at timestamptz,
    all_day boolean not null default false,
    published_at timestamptz not null,
    updated_at timestamptz not null
);
create table announcement_reads (
    announcement_id bigint not null references announcements on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    primary key (account_id, announcement_id)
);
create index announcement_reads_by_announcement on announcement_reads (announcement_id);  -- foreign key
create table announcement_reactions (
    announcement_id bigint not null references announcements on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    name text not null,
    created_at timestamptz not null,
    primary key (announcement_id, name, account_id)
);
create index announcement_reactions_by_account on announcement_reactions (account_id);  -- foreign key

create table reports (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,  -- who reports
    target_id bigint not null references accounts on delete cascade,  -- whom
    post_ids bigint[] not null default '{}',
    comment text not null default '',
    category text not null default 'other' check (category in ('spam', 'legal', 'violation', 'other')),
    forwarded boolean not null default false,
    created_at timestamptz not null,
    closed_at timestamptz,
    closed_by bigint references accounts on delete set null
);
create index reports_open on reports (id desc) where closed_at is null;  -- what moderators have to do
create index reports_by_account on reports (account_id);  -- foreign key
create index reports_by_target on reports (target_id);  -- foreign key
create index reports_by_moderator on reports (closed_by) where closed_by is not null;  -- foreign key

-- Who may notify whom: policies, who is let through whatever they say, and who asks by what was kept back.
create table notification_policies (
    account_id bigint primary key references accounts on delete cascade,
    not_following text not null default 'accept' check (not_following in ('accept', 'filter', 'drop')),
    not_followers text not null default 'accept' check (not_followers in ('accept', 'filter', 'drop')),
    new_accounts text not null default 'accept' check (new_accounts in ('accept', 'filter', 'drop')),
    private_mentions text not null default 'filter' check (private_mentions in ('accept', 'filter', 'drop')),
    limited_accounts text not null default 'filter' check (limited_accounts in ('accept', 'filter', 'drop'))
);
create table notification_permissions (
    account_id bigint not null references accounts on delete cascade,
    from_account_id bigint not null references accounts on delete cascade,
    primary key (account_id, from_account_id)
);
create index notification_permissions_by_sender on notification_permissions (from_account_id);  -- foreign key
create table notification_requests (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    from_account_id bigint not null references accounts on delete cascade,
    last_post_id bigint references posts on delete set null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (account_id, from_account_id)
);
create index notification_requests_by_account on notification_requests (account_id, id desc);  -- the list
create index notification_requests_by_sender on notification_requests (from_account_id);  -- foreign key
create index notification_requests_by_post on notification_requests (last_post_id) where last_post_id is not null;  -- foreign key

alter table notifications add column filtered boolean not null default false;  -- kept back: only who asks for it sees it
alter table notifications add column report_id bigint references reports on delete cascade;
create index notifications_by_report on notifications (report_id) where report_id is not null;  -- foreign key
create index notifications_filtered on notifications (account_id, from_account_id) where filtered;  -- what a request holds
create index notifications_by_group on notifications (account_id, group_key, id desc) where group_key <> '';  -- the members of a group
alter table notifications drop constraint notifications_account_id_kind_from_account_id_post_id_key;
create unique index notifications_once on notifications (account_id, kind, from_account_id, post_id, report_id) nulls not distinct;

-- Direct conversations as each of those who take part sees them: one row for each thread and each set of other people.
create table conversations (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    thread_id bigint not null,
    participants bigint[] not null,  -- the others, in order of their ids
    last_post_id bigint references posts on delete set null,
    unread boolean not null,
    unique (account_id, thread_id, participants)
);
create index conversations_by_account on conversations (account_id, last_post_id desc) where last_post_id is not null;  -- the list
create index conversations_by_post on conversations (last_post_id) where last_post_id is not null;  -- a post is deleted; foreign key
create index conversations_by_thread on conversations (thread_id);  -- a post is deleted

-- What was said before this step; everything counts as read.
insert into conversations (id, account_id, thread_id, participants, last_post_id, unread)
select new_id(max(said.created_at)), said.member, said.thread_id, said.others, max(said.id), false from (
    select p.id, p.thread_id, p.created_at, people.member,
           array(select other from unnest(people.everybody) other where other <> people.member order by other) as others
    from posts p cross join lateral (
        select unnest(named.everybody) as member, named.everybody from (
            select array(select p.account_id union select m.account_id from mentions m where m.post_id = p.id) as everybody) named) people
    where p.visibility = 'direct' and p.boost_of is null and p.deleted_at is null) said
group by said.member, said.thread_id, said.others;

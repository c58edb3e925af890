-- Lists of people whose posts are read together, and filters: words and posts that somebody does not want to see unasked.
create table lists (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    title text not null,
    replies_policy text not null default 'list' check (replies_policy in ('followed', 'list', 'none')),
    exclusive boolean not null default false,  -- what its members post is not shown at home
    created_at timestamptz not null
);
create index lists_by_account on lists (account_id, id);  -- the lists of somebody; home: the exclusive ones

-- Only who is followed can be in a list: whoever is not any more leaves all lists with the follow, by the foreign key alone.
create table list_members (
    id bigint primary key,  -- pages the members
    list_id bigint not null references lists on delete cascade,
    account_id bigint not null,  -- whose list it is
    member_id bigint not null,
    unique (list_id, member_id),  -- the list's timeline; one each
    foreign key (account_id, member_id) references follows (follower_id, followee_id) on delete cascade
);
create index list_members_by_list on list_members (list_id, id desc);  -- the page of members
create index list_members_by_follow on list_members (account_id, member_id);  -- foreign key; in which lists somebody is

create table filters (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    title text not null,
    contexts text[] not null check (contexts <> '{}' and contexts <@ '{home,notifications,public,thread,account}'),
    action text not null default 'warn' check (action in ('warn', 'hide', 'blur')),
    expires_at timestamptz,
    created_at timestamptz not null
);
create index filters_by_account on filters (account_id, id);  -- the filters of somebody

create table filter_keywords (
    id bigint primary key,
    filter_id bigint not null references filters on delete cascade,
    keyword text not null,
    whole_word boolean not null
);
create index filter_keywords_by_filter on filter_keywords (filter_id, id);  -- the words of a filter

create table filter_posts (
    id bigint primary key,
    filter_id bigint not null references filters on delete cascade,
    post_id bigint not null references posts on delete cascade,
    unique (filter_id, post_id)  -- the posts of a filter; one each
);
create index filter_posts_by_post on filter_posts (post_id);  -- foreign key

-- The whole social model, so that later work adds features and not repairs.
-- Each index names the query that needs it.

-- Ids are (unix milliseconds << 16) | 16 bits of a sequence: ordered by time, the same whichever process asks, 65,536 a millisecond.
create sequence id_sequence as bigint cycle minvalue 0 maxvalue 65535;

create function new_id(at timestamptz) returns bigint language sql volatile as
$$ select (floor(extract(epoch from at) * 1000)::bigint << 16) | nextval('id_sequence') $$;

-- People. Counters stand apart (account_counts), so that a post or a follow does not rewrite the profile, and `xmin` of a row here says
-- whether anything that is shown beside a post has changed.
create table accounts (
    id bigint primary key,
    username text not null check (username ~ '^[A-Za-z0-9_]{1,30}$'),
    display_name text not null default '',
    bio text not null default '',
    bio_html text not null default '',
    fields jsonb not null default '[]',
    locked boolean not null default false,
    bot boolean not null default false,
    discoverable boolean not null default true,
    indexable boolean not null default true,
    hide_relations boolean not null default false,
    avatar text,
    header text,
    created_at timestamptz not null,
    suspended_at timestamptz,
    limited_at timestamptz,
    deleted_at timestamptz  -- a tombstone keeps the name from being taken by somebody else
);
create unique index accounts_by_username on accounts (lower(username));  -- look-up by name; one spelling each
create index accounts_prefix on accounts (lower(username) text_pattern_ops);  -- completion and search by prefix
create index accounts_gone on accounts (id) where suspended_at is not null or deleted_at is not null;  -- every query of posts
create index accounts_limited on accounts (id) where limited_at is not null;  -- public timeline

create table account_counts (
    account_id bigint primary key references accounts on delete cascade,
    followers integer not null default 0,
    following integer not null default 0,
    posts integer not null default 0,
    last_post_on date
) with (fillfactor = 70);
create index account_counts_by_followers on account_counts (followers desc, account_id);  -- suggestions, completion; a post leaves it alone

-- What belongs to an account and is nobody else's business.
create table logins (
    account_id bigint primary key references accounts on delete cascade,
    email text not null,
    password_hash text not null,
    role text not null default 'user' check (role in ('user', 'moderator', 'admin')),
    created_at timestamptz not null,
    confirmed_at timestamptz,
    approved_at timestamptz,
    disabled_at timestamptz,
    reason text not null default '',
    preferences jsonb not null default '{}',
    invite_id bigint
);
create unique index logins_by_email on logins (lower(email));  -- login by address; one account an address
create index logins_staff on logins (account_id) where role <> 'user';  -- whom to tell of applicants
create index logins_pending on logins (created_at) where approved_at is null;  -- the administrator's list of applicants

create table sessions (
    id bigint primary key,
    token_hash bytea not null unique,  -- sha256: a stolen dump logs nobody in
    account_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    address text not null default '',
    user_agent text not null default ''
);
create index sessions_by_account on sessions (account_id, id desc);  -- the list in the settings; end all of an account
create index sessions_expired on sessions (expires_at);  -- the sweep

create table invites (
    id bigint primary key,
    code text not null unique,
    created_by bigint references accounts on delete set null,
    created_at timestamptz not null,
    expires_at timestamptz,
    uses integer not null default 0,
    max_uses integer
);
create index invites_by_creator on invites (created_by);  -- somebody's own; foreign key
alter table logins add foreign key (invite_id) references invites on delete set null;

-- Posts, and boosts (which are posts with boost_of). Rows change only by an edit or a deletion: counters stand apart.
create table posts (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    text text not null,
    html text not null,
    visibility text not null check (visibility in ('public', 'unlisted', 'private', 'direct')),
    spoiler text not null default '',
    sensitive boolean not null default false,
    language text,
    reply_to bigint references posts on delete set null,
    reply_to_account bigint references accounts on delete set null,
    reply_to_other boolean not null generated always as (reply_to_account is not null and reply_to_account <> account_id) stored,
    thread_id bigint not null,  -- the id of the first post of the conversation, which may be gone
    boost_of bigint references posts on delete cascade,
    application text,
    created_at timestamptz not null,
    edited_at timestamptz,
    deleted_at timestamptz
) with (autovacuum_vacuum_insert_scale_factor = 0.01);  -- home reads the newest from an index alone, which needs pages that were vacuumed
create index posts_by_author on posts (account_id, id desc) include (visibility, language, reply_to_account, reply_to_other, boost_of)
    where deleted_at is null;  -- home (newest of each followee, without a look at the rows), profile
create index posts_public on posts (id desc)
    where visibility = 'public' and boost_of is null and not reply_to_other and deleted_at is null;  -- public timeline
create index posts_by_thread on posts (thread_id, id) where boost_of is null and deleted_at is null;  -- a conversation
create index posts_replies on posts (reply_to) where reply_to is not null;  -- foreign key
create index posts_reply_accounts on posts (reply_to_account) where reply_to_account is not null;  -- foreign key
create unique index posts_boosts on posts (boost_of, account_id) where boost_of is not null and deleted_at is null;  -- who boosted; one each
create index posts_boosts_all on posts (boost_of) where boost_of is not null;  -- foreign key
create index posts_deleted on posts (deleted_at) where deleted_at is not null;  -- the sweep of what was deleted long ago

create table post_counts (
    post_id bigint primary key references posts on delete cascade,
    replies integer not null default 0,
    boosts integer not null default 0,
    favourites integer not null default 0
) with (fillfactor = 70);

-- What a post said before each edit.
create table revisions (
    post_id bigint not null references posts on delete cascade,
    id bigint not null,
    text text not null,
    html text not null,
    spoiler text not null,
    sensitive boolean not null,
    created_at timestamptz not null,
    primary key (post_id, id)
);

create table mentions (
    post_id bigint not null references posts on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    primary key (post_id, account_id)
);
create index mentions_by_account on mentions (account_id, post_id desc);  -- posts that name somebody

create table tags (
    id bigint primary key,
    key text not null unique,  -- folded for matching
    name text not null  -- as first written
);
create index tags_prefix on tags (key text_pattern_ops);  -- completion

create table post_tags (
    tag_id bigint not null references tags on delete cascade,
    post_id bigint not null references posts on delete cascade,
    primary key (tag_id, post_id)  -- tag page, newest first, read backwards
);
create index post_tags_by_post on post_tags (post_id);  -- the tags of a post

-- Relations. Their ids page the lists of people.
create table follows (
    id bigint primary key,
    follower_id bigint not null references accounts on delete cascade,
    followee_id bigint not null references accounts on delete cascade,
    boosts boolean not null default true,
    notify boolean not null default false,
    languages text[],
    created_at timestamptz not null,
    unique (follower_id, followee_id) include (boosts, languages),  -- home's followees; one each
    check (follower_id <> followee_id)
);
create index follows_followers on follows (followee_id, id desc);  -- followers page
create index follows_following on follows (follower_id, id desc);  -- following page
create index follows_notified on follows (followee_id) where notify;  -- whom to tell of each post

create table follow_requests (
    id bigint primary key,
    follower_id bigint not null references accounts on delete cascade,
    followee_id bigint not null references accounts on delete cascade,
    boosts boolean not null default true,
    notify boolean not null default false,
    languages text[],
    created_at timestamptz not null,
    unique (follower_id, followee_id),
    check (follower_id <> followee_id)
);
create index follow_requests_incoming on follow_requests (followee_id, id desc);  -- whom to let in

create table blocks (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null,
    unique (account_id, target_id),
    check (account_id <> target_id)
);
create index blocks_by_account on blocks (account_id, id desc);  -- the list in the settings
create index blocks_by_target on blocks (target_id, account_id);  -- who blocks me: every page of posts

create table mutes (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    notifications boolean not null default true,
    expires_at timestamptz,
    created_at timestamptz not null,
    unique (account_id, target_id),
    check (account_id <> target_id)
);
create index mutes_by_account on mutes (account_id, id desc);  -- the list in the settings
create index mutes_by_target on mutes (target_id);  -- foreign key
create index mutes_ending on mutes (expires_at) where expires_at is not null;  -- the sweep

create table thread_mutes (
    account_id bigint not null references accounts on delete cascade,
    thread_id bigint not null,
    created_at timestamptz not null,
    primary key (account_id, thread_id)
);

create table account_notes (
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    note text not null,
    primary key (account_id, target_id)
);
create index account_notes_by_target on account_notes (target_id);  -- foreign key

create table favourites (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint not null references posts on delete cascade,
    created_at timestamptz not null,
    unique (account_id, post_id)  -- flags of a page; one each
);
create index favourites_by_post on favourites (post_id, id desc);  -- who favoured
create index favourites_by_account on favourites (account_id, id desc);  -- my favourites

create table bookmarks (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint not null references posts on delete cascade,
    created_at timestamptz not null,
    unique (account_id, post_id)
);
create index bookmarks_by_account on bookmarks (account_id, id desc);  -- my bookmarks
create index bookmarks_by_post on bookmarks (post_id);  -- foreign key

create table pins (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint not null unique references posts on delete cascade,
    created_at timestamptz not null
);
create index pins_by_account on pins (account_id, id desc);  -- top of a profile

create table notifications (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    kind text not null,
    from_account_id bigint not null references accounts on delete cascade,
    post_id bigint references posts on delete cascade,
    group_key text not null default '',
    created_at timestamptz not null,
    unique nulls not distinct (account_id, kind, from_account_id, post_id)  -- told once
);
create index notifications_by_account on notifications (account_id, id desc);  -- the page
create index notifications_by_sender on notifications (from_account_id);  -- foreign key; undo of a follow
create index notifications_by_post on notifications (post_id) where post_id is not null;  -- a deleted post takes them along

create table markers (
    account_id bigint not null references accounts on delete cascade,
    timeline text not null check (timeline in ('home', 'notifications')),
    last_read_id bigint not null,
    version integer not null default 1,
    updated_at timestamptz not null,
    primary key (account_id, timeline)
);

-- The event log. Rows are read in (xid, id) order and only below the oldest transaction that still runs: a sequence alone is handed out
-- before the commit, and a reader that remembered it would skip a slower transaction's event for ever.
create table event_log (
    only_row boolean primary key default true check (only_row),
    epoch text not null,  -- changes when positions of before mean nothing any more (a dump was restored elsewhere)
    cluster bigint not null  -- the system identifier of the cluster that the transaction ids are of
);

create table events (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    kind text not null,
    account_id bigint,
    subject_id bigint,
    post_id bigint,
    data jsonb not null default '{}',
    at timestamptz not null,
    primary key (xid, id)
);
create index events_by_time on events (at);  -- the sweep of what is older than the retention

-- Work that was promised in a command's own transaction.
create table jobs (
    id bigint primary key,
    kind text not null,
    key text,  -- at most one waiting and one running job of each (kind, key)
    payload jsonb not null default '{}',
    state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'dead')),
    tries integer not null default 0,
    due_at timestamptz not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    lease_until timestamptz,
    worker text,
    last_error text not null default ''
);
create index jobs_due on jobs (due_at, id) where state = 'waiting';  -- claim
create index jobs_leases on jobs (lease_until) where state = 'running';  -- claim again what a dead worker held
create index jobs_finished on jobs (finished_at) where state in ('done', 'dead');  -- the sweep; the page of dead jobs
create unique index jobs_one_waiting on jobs (kind, key) where state = 'waiting' and key is not null;
create unique index jobs_one_running on jobs (kind, key) where state = 'running' and key is not null;

-- Timers: one row a tick, whoever comes first.
create table ticks (
    timer text not null,
    tick timestamptz not null,
    primary key (timer, tick)
);

-- The row is written in the post's own transaction, so a retry gets the first answer.
create table idempotency_keys (
    account_id bigint not null references accounts on delete cascade,
    key text not null,
    post_id bigint not null references posts on delete cascade,
    created_at timestamptz not null,
    primary key (account_id, key)
);
create index idempotency_keys_by_post on idempotency_keys (post_id);  -- foreign key
create index idempotency_keys_by_time on idempotency_keys (created_at);  -- the sweep

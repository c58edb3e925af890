-- The schema of release 0.2.0. Later releases add files with higher numbers; this one never changes.
--
-- Contents: ids, accounts and users, OAuth, posts, relationships between accounts, interactions with posts, media, polls, link
-- previews, scheduled posts, lists and filters, notifications and push, conversations, moderation, announcements, e-mail, the event
-- log, jobs, search, statistics, invalidation of caches.
--
-- The comment beside an index names the query that needs it. "Foreign key" means that deleting the referenced row looks here;
-- "cleanup" is a timer's job that deletes old rows in batches.


-- ============================================================================================================================
-- Ids
-- ============================================================================================================================

-- An id is (unix milliseconds << 16) | 16 low bits. Ids order by time, the same in every process, 65,536 in a millisecond.
create sequence id_sequence as bigint cycle minvalue 0 maxvalue 65535;

-- new_id(at): the next id for a row of that time. The low bits start at a number derived from the millisecond and a secret of this
-- database, as in Mastodon. Otherwise the difference of two ids of your own would reveal how much the whole site wrote between them.
-- The time is never later than the database's clock: an id made by a process whose clock is ahead would stay on top of timelines.
-- The secret is part of the function's text, so that a dump contains it. PL/pgSQL, because an SQL function that cannot be inlined
-- costs twice as much.
do $$
begin
    execute format($made$
        create function new_id(at timestamptz) returns bigint language plpgsql volatile as
        $body$
        declare
            ms bigint := floor(extract(epoch from case when at > clock_timestamp() then clock_timestamp() else at end) * 1000);
        begin
            return (ms << 16) | ((('x' || left(md5(%L || ms), 4))::bit(16)::bigint + nextval('id_sequence')) & 65535);
        end
        $body$
    $made$, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));
end $$;


-- ============================================================================================================================
-- Accounts and users
-- ============================================================================================================================

-- Public profiles. Counters are in account_counts, so that a post or a follow does not rewrite this row, and its `xmin` changes
-- exactly when something shown beside a post changes.
create table accounts (
    id bigint primary key,
    username text not null check (username ~ '^[A-Za-z0-9_]{1,30}$'),
    display_name text not null default '',
    bio text not null default '',  -- as typed
    bio_html text not null default '',
    fields jsonb not null default '[]',  -- profile fields: a list of {name, value}
    locked boolean not null default false,  -- followers need approval
    bot boolean not null default false,
    discoverable boolean not null default true,  -- in the profile directory and suggestions
    indexable boolean not null default true,  -- by search engines
    hide_relations boolean not null default false,  -- followers and followees are private
    avatar text,  -- file names
    header text,
    created_at timestamptz not null,
    suspended_at timestamptz,
    limited_at timestamptz,
    deleted_at timestamptz  -- the row stays, so that nobody else can take the username
);
create unique index accounts_by_username on accounts (lower(username));  -- look-up by name; unique without regard to case
create index accounts_prefix on accounts (lower(username) text_pattern_ops);  -- autocomplete and search by prefix
create index accounts_gone on accounts (id) where suspended_at is not null or deleted_at is not null;  -- every query of posts
create index accounts_limited on accounts (id) where limited_at is not null;  -- public timeline
create index accounts_by_time on accounts (created_at);  -- statistics of a day
create index accounts_avatars on accounts (avatar) where avatar is not null;  -- whether a file is in use
create index accounts_headers on accounts (header) where header is not null;  -- whether a file is in use

-- Counters shown on a profile. Direct messages are not counted.
create table account_counts (
    account_id bigint primary key references accounts on delete cascade,
    followers integer not null default 0,
    following integer not null default 0,
    posts integer not null default 0,
    last_post_on date
) with (fillfactor = 70);  -- leaves room for updates in place
create index account_counts_by_followers on account_counts (followers desc, account_id);  -- suggestions, autocomplete

-- Invitation links.
create table invites (
    id bigint primary key,
    code text not null unique,
    created_by bigint references accounts on delete set null,
    created_at timestamptz not null,
    expires_at timestamptz,
    uses integer not null default 0,
    max_uses integer
);
create index invites_by_creator on invites (created_by);  -- the invitations of an account; foreign key

-- Apps: OAuth 2 clients (RFC 6749). Secrets, codes and tokens are stored as SHA-256 only: a stolen dump gives no access.
create table apps (
    id bigint primary key,
    client_id text not null unique,  -- look-up at each step of a login
    secret_hash bytea not null,
    name text not null,
    website text,
    redirect_uris text[] not null,
    scopes text[] not null,
    created_at timestamptz not null
);
create index apps_by_time on apps (created_at);  -- cleanup of unused apps

-- The private side of an account: how its owner logs in, and the owner's preferences.
create table users (
    account_id bigint primary key references accounts on delete cascade,
    email text not null,
    password_hash text not null,
    role text not null default 'user' check (role in ('user', 'moderator', 'admin')),
    created_at timestamptz not null,
    confirmed_at timestamptz,  -- when the e-mail address was confirmed
    approved_at timestamptz,  -- null: the sign-up waits for approval
    disabled_at timestamptz,
    reason text not null default '',  -- why the user wants to join
    preferences jsonb not null default '{}',
    invite_id bigint references invites on delete set null,
    new_email text,  -- requested, and unused until it is confirmed
    app_id bigint references apps on delete set null  -- the app that signed the user up: only it may send the confirmation again
);
create unique index users_by_email on users (lower(email));  -- login by address; one account per address
create index users_staff on users (account_id) where role <> 'user';  -- who is notified of sign-ups and reports
create index users_pending on users (created_at) where approved_at is null;  -- the list of pending sign-ups
create index users_by_app on users (app_id) where app_id is not null;  -- foreign key

-- Browser sessions.
create table sessions (
    id bigint primary key,
    token_hash bytea not null unique,  -- SHA-256 of the cookie
    account_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    address text not null default '',
    user_agent text not null default ''
);
create index sessions_by_account on sessions (account_id, id desc);  -- the list in the settings; log out everywhere
create index sessions_expired on sessions (expires_at);  -- cleanup

-- Browsers that an account has logged in with: a login from another one is reported by e-mail.
create table known_browsers (
    account_id bigint not null references accounts on delete cascade,
    token_hash bytea not null,  -- SHA-256 of a long-lived cookie
    seen_at timestamptz not null,
    primary key (account_id, token_hash)
);
create index known_browsers_by_time on known_browsers (seen_at);  -- cleanup

-- OAuth access tokens.
create table tokens (
    id bigint primary key,
    token_hash bytea not null unique,  -- look-up in each API request
    app_id bigint not null references apps on delete cascade,
    account_id bigint references accounts on delete cascade,  -- null: the app's own token (client credentials)
    scopes text[] not null,
    created_at timestamptz not null,
    used_at timestamptz,  -- updated at intervals only
    revoked_at timestamptz  -- kept for a while, so that the app learns that it was revoked
);
create index tokens_by_account on tokens (account_id, app_id, id desc);  -- the list in the settings; revoke all of an account
create index tokens_by_app on tokens (app_id, id desc);  -- the app's own token; foreign key
create index tokens_revoked on tokens (revoked_at) where revoked_at is not null;  -- cleanup

-- OAuth authorization codes.
create table oauth_codes (
    code_hash bytea primary key,
    app_id bigint not null references apps on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    redirect_uri text not null,
    scopes text[] not null,
    challenge text,  -- PKCE (RFC 7636), always S256
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,  -- a second use revokes the token that the first one got
    token_id bigint references tokens on delete set null
);
create index oauth_codes_by_app on oauth_codes (app_id);  -- foreign key
create index oauth_codes_by_account on oauth_codes (account_id);  -- delete all of an account; foreign key
create index oauth_codes_by_token on oauth_codes (token_id) where token_id is not null;  -- foreign key
create index oauth_codes_expired on oauth_codes (expires_at);  -- cleanup


-- ============================================================================================================================
-- Posts
-- ============================================================================================================================

-- Posts, and boosts (posts with boost_of). Rows change only when the post is edited or deleted; counters are in post_counts.
create table posts (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    text text not null,
    html text not null,
    visibility text not null check (visibility in ('public', 'unlisted', 'private', 'direct')),
    spoiler text not null default '',  -- content warning
    sensitive boolean not null default false,
    language text,
    reply_to bigint references posts on delete set null,
    reply_to_account bigint references accounts on delete set null,
    reply_to_other boolean not null generated always as (reply_to_account is not null and reply_to_account <> account_id) stored,
    thread_id bigint not null,  -- id of the thread's first post, which may be deleted
    boost_of bigint references posts on delete cascade,
    application text,  -- name of the app that it was posted with
    created_at timestamptz not null,
    edited_at timestamptz,
    deleted_at timestamptz,
    application_website text
) with (autovacuum_vacuum_insert_scale_factor = 0.01);  -- the home timeline needs vacuumed pages for its index-only scans
create index posts_by_author on posts (account_id, id desc) include (visibility, language, reply_to_account, reply_to_other, boost_of)
    where deleted_at is null;  -- home timeline (newest of each followee, by index-only scan), profile
create index posts_public on posts (id desc)
    where visibility = 'public' and boost_of is null and not reply_to_other and deleted_at is null;  -- public timeline
create index posts_by_thread on posts (thread_id, id) where boost_of is null and deleted_at is null;  -- a thread
create index posts_direct on posts (thread_id, id desc)
    where visibility = 'direct' and boost_of is null and deleted_at is null;  -- last message of a conversation within a long thread
create index posts_replies on posts (reply_to) where reply_to is not null;  -- foreign key
create index posts_reply_accounts on posts (reply_to_account) where reply_to_account is not null;  -- foreign key
create unique index posts_boosts on posts (boost_of, account_id)
    where boost_of is not null and deleted_at is null;  -- who boosted; one boost per account
create index posts_boosts_all on posts (boost_of) where boost_of is not null;  -- foreign key
create index posts_deleted on posts (deleted_at) where deleted_at is not null;  -- cleanup of deleted posts
create index posts_by_time on posts using brin (created_at) with (pages_per_range = 32, autosummarize = on);  -- statistics of a day

-- Counters of a post. Replies and boosts count only if everybody may see them, except boosts of a private post.
create table post_counts (
    post_id bigint primary key references posts on delete cascade,
    replies integer not null default 0,
    boosts integer not null default 0,
    favourites integer not null default 0
) with (fillfactor = 70);

-- Earlier versions of edited posts.
create table revisions (
    post_id bigint not null references posts on delete cascade,
    id bigint not null,
    text text not null,
    html text not null,
    spoiler text not null,
    sensitive boolean not null,
    created_at timestamptz not null,
    media jsonb not null default '[]',  -- a list of [media id, description]
    options text[],  -- of the poll
    primary key (post_id, id)
);

-- Accounts that a post mentions.
create table mentions (
    post_id bigint not null references posts on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    primary key (post_id, account_id)
);
create index mentions_by_account on mentions (account_id, post_id desc);  -- posts that mention an account

-- Hashtags.
create table tags (
    id bigint primary key,
    key text not null unique,  -- folded for comparison
    name text not null,  -- as first written
    uses integer not null default 0  -- approximate; counted by a job, so that posts with the same tag do not wait for each other
);
create index tags_completion on tags (key text_pattern_ops) include (uses);  -- autocomplete, by index-only scan

-- The hashtags of each post.
create table post_tags (
    tag_id bigint not null references tags on delete cascade,
    post_id bigint not null references posts on delete cascade,
    used_at timestamptz,  -- when an edit added the tag; null: when the post was published
    primary key (tag_id, post_id)  -- hashtag timeline, read backwards
);
create index post_tags_by_post on post_tags (post_id);  -- the tags of a post; foreign key

-- Idempotency-Key headers. A row is written in the post's transaction: a repeated request gets the first response.
create table idempotency_keys (
    account_id bigint not null references accounts on delete cascade,
    key text not null,
    post_id bigint not null references posts on delete cascade,
    created_at timestamptz not null,
    primary key (account_id, key)
);
create index idempotency_keys_by_post on idempotency_keys (post_id);  -- foreign key
create index idempotency_keys_by_time on idempotency_keys (created_at);  -- cleanup

-- Polls, one per post. The counters are kept here, so that timelines need not count votes.
create table polls (
    id bigint primary key,
    post_id bigint not null unique references posts on delete cascade,
    options text[] not null,
    counts integer[] not null,  -- votes for each option
    voters integer not null default 0,
    multiple boolean not null,
    hide_totals boolean not null,
    expires_at timestamptz not null
) with (fillfactor = 70);

-- Votes: one row per option chosen.
create table votes (
    poll_id bigint not null references polls on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    choice smallint not null,  -- index of the option, from 0
    created_at timestamptz not null,
    primary key (poll_id, account_id, choice)  -- the viewer's votes; the voters to notify when the poll ends
);
create index votes_by_account on votes (account_id);  -- foreign key

-- Posts that will be published later, by a job. The row is deleted in the transaction that creates the post.
create table scheduled_posts (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    scheduled_at timestamptz not null,
    draft jsonb not null,
    key text,  -- idempotency key
    problem text not null default '',  -- why it could not be published
    created_at timestamptz not null
);
create index scheduled_posts_by_account on scheduled_posts (account_id, id desc);  -- the author's list and count; foreign key
create unique index scheduled_posts_keys on scheduled_posts (account_id, key) where key is not null;  -- repeated requests

-- Images, video and audio: uploaded first, then attached to a post. Files are in the data directory, under random names.
create table media (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint references posts on delete set null,
    place smallint,  -- position within the post, from 0; null after an edit removed it (only the edit history shows it)
    kind text not null check (kind in ('image', 'gifv', 'video', 'audio')),
    state text not null default 'waiting' check (state in ('waiting', 'ready', 'failed')),
    original text,  -- file names
    preview text,
    width integer,
    height integer,
    preview_width integer,
    preview_height integer,
    duration double precision,  -- seconds
    frame_rate text,
    bitrate integer,
    blurhash text,
    description text not null default '',  -- alt text
    focus_x real,
    focus_y real,
    created_at timestamptz not null,
    unattached_since timestamptz,  -- set while nothing uses the upload; it is deleted after a day
    scheduled_id bigint references scheduled_posts on delete set null,
    problem text  -- why processing failed, as shown to the uploader
);
create index media_by_post on media (post_id, place) where post_id is not null;  -- the media of a post; foreign key
create index media_posts on media (post_id desc) where place = 0;  -- timelines of posts with media
create index media_by_account on media (account_id, post_id desc) where place = 0;  -- media tab of a profile
create index media_accounts on media (account_id);  -- foreign key
create index media_unattached on media (unattached_since) where unattached_since is not null;  -- cleanup
create index media_originals on media (original) where original is not null;  -- whether a file is in use
create index media_previews on media (preview) where preview is not null;  -- whether a file is in use
create index media_by_scheduled on media (scheduled_id, place) where scheduled_id is not null;  -- media of a scheduled post; foreign key

-- Link previews (cards): one for each address, whatever the number of posts that link to it. Fetched by a job.
create table cards (
    id bigint primary key,
    url_hash bytea not null unique,  -- SHA-256: addresses may be longer than an index entry
    url text not null,
    title text not null default '',  -- empty until fetched, and when the page has none: then no card is shown
    description text not null default '',
    language text,
    author_name text not null default '',
    author_url text not null default '',
    provider_name text not null default '',
    provider_url text not null default '',
    image text not null default '',
    image_description text not null default '',
    width integer not null default 0,
    height integer not null default 0,
    blurhash text,
    published_at timestamptz,
    fetched_at timestamptz,  -- last attempt, successful or not
    created_at timestamptz not null
);
create index cards_by_image on cards (image) where image <> '';  -- whether a file is in use
create index cards_by_time on cards (created_at);  -- cleanup of cards without posts

-- The link preview of a post.
create table post_cards (
    post_id bigint primary key references posts on delete cascade,  -- the cards of a page of posts
    card_id bigint not null references cards on delete cascade
);
create index post_cards_by_card on post_cards (card_id);  -- whether a post shows the card; foreign key


-- ============================================================================================================================
-- Relationships between accounts. The ids page the lists of accounts.
-- ============================================================================================================================

-- Follows.
create table follows (
    id bigint primary key,
    follower_id bigint not null references accounts on delete cascade,
    followee_id bigint not null references accounts on delete cascade,
    boosts boolean not null default true,  -- show the followee's boosts
    notify boolean not null default false,  -- notify the follower of each post
    languages text[],  -- show only posts in these; null: all
    created_at timestamptz not null,
    unique (follower_id, followee_id) include (boosts, languages),  -- the followees of a home timeline
    check (follower_id <> followee_id)
);
create index follows_followers on follows (followee_id, id desc);  -- list of followers
create index follows_following on follows (follower_id, id desc);  -- list of followees
create index follows_notified on follows (followee_id) where notify;  -- who is notified of each post

-- Follow requests to locked accounts; the same columns.
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
create index follow_requests_incoming on follow_requests (followee_id, id desc);  -- list of requests to an account

-- Blocks.
create table blocks (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null,
    unique (account_id, target_id),
    check (account_id <> target_id)
);
create index blocks_by_account on blocks (account_id, id desc);  -- the list in the settings
create index blocks_by_target on blocks (target_id, account_id);  -- who blocks the viewer: every query of posts

-- Mutes.
create table mutes (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    notifications boolean not null default true,  -- mute notifications as well
    expires_at timestamptz,
    created_at timestamptz not null,
    unique (account_id, target_id),
    check (account_id <> target_id)
);
create index mutes_by_account on mutes (account_id, id desc);  -- the list in the settings
create index mutes_by_target on mutes (target_id);  -- foreign key
create index mutes_ending on mutes (expires_at) where expires_at is not null;  -- cleanup

-- Threads whose notifications an account has muted.
create table thread_mutes (
    account_id bigint not null references accounts on delete cascade,
    thread_id bigint not null,
    created_at timestamptz not null,
    primary key (account_id, thread_id)
);

-- Domains that an account blocks. Stored for API clients.
create table domain_blocks (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    domain text not null,
    created_at timestamptz not null,
    unique (account_id, domain)
);
create index domain_blocks_by_account on domain_blocks (account_id, id desc);  -- the list

-- Private notes about other accounts.
create table account_notes (
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    note text not null,
    primary key (account_id, target_id)
);
create index account_notes_by_target on account_notes (target_id);  -- foreign key

-- Accounts that a profile features. Only followees can be featured: unfollowing deletes the row through the foreign key.
create table endorsements (
    id bigint primary key,
    account_id bigint not null,
    target_id bigint not null,
    created_at timestamptz not null,
    unique (account_id, target_id),
    foreign key (account_id, target_id) references follows (follower_id, followee_id) on delete cascade
);
create index endorsements_by_account on endorsements (account_id, id desc);  -- the list

-- Suggested accounts that the user does not want to see again.
create table dismissed_suggestions (
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    primary key (account_id, target_id)
);
create index dismissed_suggestions_by_target on dismissed_suggestions (target_id);  -- foreign key

-- Hashtags that an account follows.
create table followed_tags (
    id bigint primary key,  -- pages the list
    account_id bigint not null references accounts on delete cascade,
    tag_id bigint not null references tags on delete cascade,
    created_at timestamptz not null,
    unique (account_id, tag_id)  -- home timeline
);
create index followed_tags_by_account on followed_tags (account_id, id desc);  -- the list
create index followed_tags_by_tag on followed_tags (tag_id);  -- foreign key

-- Hashtags that a profile features.
create table featured_tags (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    tag_id bigint not null references tags on delete cascade,
    created_at timestamptz not null,
    unique (account_id, tag_id)
);
create index featured_tags_by_tag on featured_tags (tag_id);  -- foreign key


-- ============================================================================================================================
-- Interactions with posts. The ids page the lists.
-- ============================================================================================================================

-- Favourites.
create table favourites (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint not null references posts on delete cascade,
    created_at timestamptz not null,
    unique (account_id, post_id)  -- flags of a page of posts
);
create index favourites_by_post on favourites (post_id, id desc);  -- who favourited a post
create index favourites_by_account on favourites (account_id, id desc);  -- the viewer's favourites

-- Bookmarks.
create table bookmarks (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint not null references posts on delete cascade,
    created_at timestamptz not null,
    unique (account_id, post_id)  -- flags of a page of posts
);
create index bookmarks_by_account on bookmarks (account_id, id desc);  -- the viewer's bookmarks
create index bookmarks_by_post on bookmarks (post_id);  -- foreign key

-- Posts pinned to the author's profile.
create table pins (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    post_id bigint not null unique references posts on delete cascade,
    created_at timestamptz not null
);
create index pins_by_account on pins (account_id, id desc);  -- top of a profile


-- ============================================================================================================================
-- Lists and filters
-- ============================================================================================================================

-- Lists of followees with a timeline of their own.
create table lists (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    title text not null,
    replies_policy text not null default 'list' check (replies_policy in ('followed', 'list', 'none')),
    exclusive boolean not null default false,  -- the home timeline leaves out its members' posts
    created_at timestamptz not null
);
create index lists_by_account on lists (account_id, id);  -- the lists of an account; home timeline: the exclusive ones

-- Members of lists. Only followees can be members: unfollowing deletes the row through the foreign key.
create table list_members (
    id bigint primary key,  -- pages the members
    list_id bigint not null references lists on delete cascade,
    account_id bigint not null,  -- owner of the list
    member_id bigint not null,
    unique (list_id, member_id),  -- the list's timeline
    foreign key (account_id, member_id) references follows (follower_id, followee_id) on delete cascade
);
create index list_members_by_list on list_members (list_id, id desc);  -- the page of members
create index list_members_by_follow on list_members (account_id, member_id);  -- the lists that contain an account; foreign key

-- Filters: they warn of or hide posts by keyword, or single posts.
create table filters (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    title text not null,
    contexts text[] not null check (contexts <> '{}' and contexts <@ '{home,notifications,public,thread,account}'),
    action text not null default 'warn' check (action in ('warn', 'hide', 'blur')),
    expires_at timestamptz,
    created_at timestamptz not null
);
create index filters_by_account on filters (account_id, id);  -- the filters of an account

-- Keywords of filters.
create table filter_keywords (
    id bigint primary key,
    filter_id bigint not null references filters on delete cascade,
    keyword text not null,
    whole_word boolean not null
);
create index filter_keywords_by_filter on filter_keywords (filter_id, id);  -- the keywords of a filter

-- Single posts of filters.
create table filter_posts (
    id bigint primary key,
    filter_id bigint not null references filters on delete cascade,
    post_id bigint not null references posts on delete cascade,
    unique (filter_id, post_id)  -- the posts of a filter
);
create index filter_posts_by_post on filter_posts (post_id);  -- foreign key


-- ============================================================================================================================
-- Moderation and announcements
-- ============================================================================================================================

-- Reports to the moderators.
create table reports (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,  -- the reporter
    target_id bigint not null references accounts on delete cascade,  -- the reported account
    post_ids bigint[] not null default '{}',
    comment text not null default '',
    category text not null default 'other' check (category in ('spam', 'legal', 'violation', 'other')),
    forwarded boolean not null default false,
    created_at timestamptz not null,
    closed_at timestamptz,
    closed_by bigint references accounts on delete set null,
    rules text[] not null default '{}',  -- the rules broken, in the words of that time
    assigned_to bigint references accounts on delete set null  -- moderator
);
create index reports_open on reports (id desc) where closed_at is null;  -- the list of open reports
create index reports_by_account on reports (account_id);  -- foreign key
create index reports_by_target on reports (target_id);  -- foreign key
create index reports_by_moderator on reports (closed_by) where closed_by is not null;  -- foreign key
create index reports_by_assignee on reports (assigned_to) where assigned_to is not null;  -- foreign key

-- Moderators' decisions about an account, with the message to its owner. The notification about it refers to this row.
create table account_warnings (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,  -- the account decided about
    moderator_id bigint references accounts on delete set null,
    report_id bigint references reports on delete set null,  -- the report that led to it
    action text not null,
    text text not null,
    post_ids bigint[] not null default '{}',  -- posts named in the report
    created_at timestamptz not null
);
create index account_warnings_by_account on account_warnings (account_id, id desc);  -- decisions about an account; foreign key
create index account_warnings_by_moderator on account_warnings (moderator_id) where moderator_id is not null;  -- foreign key
create index account_warnings_by_report on account_warnings (report_id) where report_id is not null;  -- foreign key

-- Announcements of the administrators. There are few: no index.
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

-- Who has read an announcement.
create table announcement_reads (
    announcement_id bigint not null references announcements on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    primary key (account_id, announcement_id)
);
create index announcement_reads_by_announcement on announcement_reads (announcement_id);  -- foreign key

-- Emoji reactions to announcements.
create table announcement_reactions (
    announcement_id bigint not null references announcements on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    name text not null,  -- the emoji
    created_at timestamptz not null,
    primary key (announcement_id, name, account_id)
);
create index announcement_reactions_by_account on announcement_reactions (account_id);  -- foreign key


-- ============================================================================================================================
-- Notifications, push messages and conversations
-- ============================================================================================================================

-- Notifications. Never two of the same event.
create table notifications (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,  -- who is notified
    kind text not null,
    from_account_id bigint not null references accounts on delete cascade,
    post_id bigint references posts on delete cascade,
    group_key text not null default '',  -- the same for notifications that are shown as one; '': never grouped
    created_at timestamptz not null,
    filtered boolean not null default false,  -- held back by the policy: shown only under its notification request
    report_id bigint references reports on delete cascade,
    warning_id bigint references account_warnings on delete cascade
);
create index notifications_by_account on notifications (account_id, id desc);  -- the page
create index notifications_by_kind on notifications (account_id, kind, id desc);  -- the page of some kinds
create index notifications_from on notifications (from_account_id, account_id, id desc);  -- one sender; undo of a follow; foreign key
create index notifications_by_group on notifications (account_id, group_key, id desc) where group_key <> '';  -- members of a group
create index notifications_filtered on notifications (account_id, from_account_id) where filtered;  -- those of a notification request
create index notifications_by_post on notifications (post_id) where post_id is not null;  -- deletion of a post; foreign key
create index notifications_by_report on notifications (report_id) where report_id is not null;  -- foreign key
create index notifications_by_warning on notifications (warning_id) where warning_id is not null;  -- its warning; foreign key
create unique index notifications_once
    on notifications (account_id, kind, from_account_id, post_id, report_id, warning_id) nulls not distinct;  -- no event twice

-- Read positions in timelines, shared by all of an account's clients.
create table markers (
    account_id bigint not null references accounts on delete cascade,
    timeline text not null check (timeline in ('home', 'notifications')),
    last_read_id bigint not null,
    version integer not null default 1,
    updated_at timestamptz not null,
    primary key (account_id, timeline)
);

-- Notification policies: whose notifications an account accepts, holds back ('filter') or drops.
create table notification_policies (
    account_id bigint primary key references accounts on delete cascade,
    not_following text not null default 'accept' check (not_following in ('accept', 'filter', 'drop')),
    not_followers text not null default 'accept' check (not_followers in ('accept', 'filter', 'drop')),
    new_accounts text not null default 'accept' check (new_accounts in ('accept', 'filter', 'drop')),
    private_mentions text not null default 'filter' check (private_mentions in ('accept', 'filter', 'drop')),
    limited_accounts text not null default 'filter' check (limited_accounts in ('accept', 'filter', 'drop'))
);

-- Senders whose notifications are accepted whatever the policy says.
create table notification_permissions (
    account_id bigint not null references accounts on delete cascade,
    from_account_id bigint not null references accounts on delete cascade,
    primary key (account_id, from_account_id)
);
create index notification_permissions_by_sender on notification_permissions (from_account_id);  -- foreign key

-- Notification requests: one for each sender whose notifications were held back.
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

-- Web Push subscriptions (RFC 8030), at most one for each access token.
create table push_subscriptions (
    id integer generated always as identity primary key,  -- clients store it in 32 bits
    account_id bigint not null references accounts on delete cascade,
    token_id bigint not null unique references tokens on delete cascade,  -- look-up by the token of a request
    endpoint text not null,
    p256dh bytea not null,  -- keys of RFC 8291
    auth bytea not null,
    standard boolean not null,  -- RFC 8291; false: the older draft's encoding
    alerts text[] not null,  -- kinds of notifications
    policy text not null,
    failures integer not null default 0,  -- in a row
    resting_until timestamptz,  -- after failures: nothing is sent before
    created_at timestamptz not null
);
create index push_subscriptions_by_account on push_subscriptions (account_id, id);  -- each new notification; foreign key

-- Push messages: written with the notification, kept for a while after delivery or failure, so that nothing is sent twice.
-- Without a foreign key to notifications, so that deleting those stays cheap; a missing one is skipped when its turn comes.
create table push_deliveries (
    subscription_id integer not null references push_subscriptions on delete cascade,
    notification_id bigint not null,
    settled_at timestamptz,  -- null: waiting
    primary key (subscription_id, notification_id)
);
create index push_deliveries_waiting on push_deliveries (subscription_id, notification_id)
    where settled_at is null;  -- the next message of a subscription
create index push_deliveries_settled on push_deliveries (settled_at) where settled_at is not null;  -- cleanup

-- Conversations of direct messages from each participant's point of view: one row per thread and set of other participants.
create table conversations (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    thread_id bigint not null,
    participants bigint[] not null,  -- the others, by id
    last_post_id bigint references posts on delete set null,
    unread boolean not null,
    unique (account_id, thread_id, participants)
);
create index conversations_by_account on conversations (account_id, last_post_id desc) where last_post_id is not null;  -- the list
create index conversations_by_post on conversations (last_post_id) where last_post_id is not null;  -- deletion of a post; foreign key
create index conversations_by_thread on conversations (thread_id);  -- deletion of a post


-- ============================================================================================================================
-- E-mail
-- ============================================================================================================================

-- The outbox: an e-mail is a row before it is sent, so that none is lost and administrators see its state.
create table emails (
    id bigint primary key,
    kind text not null,
    account_id bigint references accounts on delete set null,  -- null: the account was deleted, for example a rejected sign-up
    recipient text not null,
    about bigint,  -- notification id; if the notification is deleted, the e-mail is not sent
    key text,  -- at most one e-mail of each kind and key is written to an account
    data jsonb not null default '{}',
    message_id text,  -- set at the first attempt
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'deferred', 'refused', 'kept', 'cancelled', 'failed')),
    tries integer not null default 0,
    answer text not null default '',  -- the mail server's last response
    created_at timestamptz not null,
    settled_at timestamptz
);
create unique index emails_once on emails (account_id, kind, key) where key is not null;  -- no duplicates
create index emails_by_account on emails (account_id, id desc);  -- delivery status in the settings; limits; foreign key
create index emails_by_state on emails (state, id desc);  -- the outbox by state
create index emails_settled on emails (settled_at) where settled_at is not null;  -- cleanup; daily report


-- ============================================================================================================================
-- Event log and jobs
-- ============================================================================================================================

-- Identity of the event log: one row.
create table event_log (
    only_row boolean primary key default true check (only_row),
    epoch text not null,  -- changes when earlier positions are void (a dump was restored elsewhere)
    cluster bigint not null,  -- system identifier of the PostgreSQL cluster that the transaction ids belong to
    -- Key that encrypts the positions given to clients (live/position_encoding.py): plain transaction and row numbers would reveal
    -- how much the site writes. Stored here, so that all processes read each other's positions.
    secret text not null default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
);

-- What live connections are told, appended in the transaction that causes it. Readers go in (xid, id) order and stop below the
-- oldest running transaction: identity numbers are taken before the commit, so a reader that remembered only the last number would
-- miss the events of slower transactions.
create table events (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    kind text not null,
    account_id bigint,
    subject_id bigint,
    post_id bigint,
    data jsonb not null default '{}',
    at timestamptz not null,
    primary key (xid, id)  -- reading on from a position
);
create index events_by_time on events (at);  -- cleanup

-- Background jobs, enqueued in the transaction that needs them.
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
    lease_until timestamptz,  -- after this, another worker may claim the job
    worker text,
    last_error text not null default ''
);
create index jobs_due on jobs (due_at, id) where state = 'waiting';  -- claim
create index jobs_leases on jobs (lease_until) where state = 'running';  -- claim of jobs whose worker died
create index jobs_finished on jobs (finished_at) where state in ('done', 'dead');  -- cleanup; the page of failed jobs
create unique index jobs_one_waiting on jobs (kind, key) where state = 'waiting' and key is not null;  -- at most one waiting
create unique index jobs_one_running on jobs (kind, key) where state = 'running' and key is not null;  -- at most one running

-- Runs of timers: the first process to insert a row enqueues the job of that time.
create table timer_runs (
    timer text not null,
    tick timestamptz not null,  -- the time by the timer's schedule
    primary key (timer, tick)
);


-- ============================================================================================================================
-- Search
-- ============================================================================================================================

-- domain/text/search_words.py does the same as these functions to the words of a query; a test compares the two. No function calls
-- another one of this schema where an index uses it, because index maintenance runs with an empty search_path.

-- search_fold(text): compatibility forms (NFKC), lower case, without accents.
create function search_fold(said text) returns text language sql immutable parallel safe as $$
    select case when octet_length(said) = length(said) then lower(said) else
        replace(replace(replace(replace(translate(
            lower(normalize(regexp_replace(normalize(said, NFKD), '[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]+', '', 'g'), NFKC)),
            'øđðħıĸłŋŧς', 'oddhiklntσ'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') end
$$;

-- search_said(spoiler, text): the folded text of a post with single spaces. Phrases are compared with it.
create function search_said(spoiler text, said text) returns text language sql immutable parallel safe as $$
    select regexp_replace(search_fold(spoiler || ' ' || said), '[\u0001-\u0020\u0085\u1680\u2028\u2029]+', ' ', 'g')
$$;

-- search_terms(spoiler, text): the words of a post. A word is a run of letters, marks, digits and `_`, folded; what `_` joins is
-- found by its parts too. Runs of letters of scripts without spaces (Chinese, Japanese, Thai, also Korean with its endings) become
-- pairs of neighbours: first those that start at the first letter of a run, then those that start at the second. Of a URL, the words
-- of its host count, and the whole URL without https:// as one word. In long texts, the first 128 characters of a word count.
create function search_terms(spoiler text, said text) returns tsvector language plpgsql immutable parallel safe as $$
declare
    links text[];
    plain text;
    words text[];
begin
    if position('://' in said) > 0 then
        links := array(select left(rtrim(search_fold(link[1]), '.,;:!?)'), 128) from regexp_matches(said, 'https?://(\S+)', 'gi') link);
        said := regexp_replace(said, 'https?://([^\s/?#]+)\S*', '\1', 'gi');
    end if;
    plain := regexp_replace(search_fold(spoiler || ' ' || said), '[\u0001-\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u00bf\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff\u0375\u03f6\u0482\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd-\u06de\u06e9\u06fd-\u06fe\u0700-\u070f\u07f6-\u07f9\u07fe-\u07ff\u0830-\u083e\u085e\u0888\u0890-\u0891\u08e2\u0964-\u0965\u0970\u09f2-\u09f3\u09fa-\u09fb\u09fd\u0a76\u0af0-\u0af1\u0b70\u0bf3-\u0bfa\u0c77\u0c7f\u0c84\u0d4f\u0d79\u0df4\u0e3f\u0e4f\u0e5a-\u0e5b\u0f01-\u0f17\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0f3a-\u0f3d\u0f85\u0fbe-\u0fc5\u0fc7-\u0fda\u104a-\u104f\u109e-\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d-\u166e\u1680\u169b-\u169c\u16eb-\u16ed\u1735-\u1736\u17d4-\u17d6\u17d8-\u17db\u1800-\u180a\u180e\u1940-\u1945\u19de-\u19ff\u1a1e-\u1a1f\u1aa0-\u1aa6\u1aa8-\u1aad\u1b5a-\u1b6a\u1b74-\u1b7e\u1bfc-\u1bff\u1c3b-\u1c3f\u1c7e-\u1c7f\u1cc0-\u1cc7\u1cd3\u200b-\u20c0\u2104-\u212e\u213a-\u214d\u214f\u218a-\u244a\u2500-\u2775\u2794-\u2bff\u2ce5-\u2cea\u2cf9-\u2cfc\u2cfe-\u2cff\u2d70\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030\u3037\u303d-\u303f\u30a0\u30fb\u3190-\u3191\u31c0-\u31e3\u327f\u4dc0-\u4dff\ua490-\ua4c6\ua4fe-\ua4ff\ua60d-\ua60f\ua673\ua67e\ua6f2-\ua716\ua720-\ua721\ua789-\ua78a\ua828-\ua82b\ua836-\ua839\ua874-\ua877\ua8ce-\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e-\ua92f\ua95f\ua9c1-\ua9cd\ua9de-\ua9df\uaa5c-\uaa5f\uaa77-\uaa79\uaade-\uaadf\uaaf0-\uaaf1\uab5b\uab6a-\uab6b\uabeb\ue000-\uf8ff\ufbb2-\ufdff\ufe45-\ufe46\ufeff-\ufffd\U00010100-\U00010102\U00010137-\U0001013f\U00010179-\U00010189\U0001018c-\U000101fc\U0001039f\U000103d0\U0001056f\U00010857\U00010877-\U00010878\U0001091f\U0001093f\U00010a50-\U00010a58\U00010a7f\U00010ac8\U00010af0-\U00010af6\U00010b39-\U00010b3f\U00010b99-\U00010b9c\U00010ead\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047-\U0001104d\U000110bb-\U000110c1\U000110cd\U00011140-\U00011143\U00011174-\U00011175\U000111c5-\U000111c8\U000111cd\U000111db\U000111dd-\U000111df\U00011238-\U0001123d\U000112a9\U0001144b-\U0001144f\U0001145a-\U0001145d\U000114c6\U000115c1-\U000115d7\U00011641-\U00011643\U00011660-\U0001166c\U000116b9\U0001173c-\U0001173f\U0001183b\U00011944-\U00011946\U000119e2\U00011a3f-\U00011a46\U00011a9a-\U00011a9c\U00011a9e-\U00011aa2\U00011c41-\U00011c45\U00011c70-\U00011c71\U00011ef7-\U00011ef8\U00011fd5-\U00011fff\U00012470-\U00012474\U00012ff1-\U00012ff2\U00013430-\U00013438\U00016a6e-\U00016a6f\U00016af5\U00016b37-\U00016b3f\U00016b44-\U00016b45\U00016e97-\U00016e9a\U00016fe2\U0001bc9c\U0001bc9f-\U0001bca3\U0001cf50-\U0001d15d\U0001d16a-\U0001d16c\U0001d173-\U0001d17a\U0001d183-\U0001d184\U0001d18c-\U0001d1a9\U0001d1ae-\U0001d241\U0001d245\U0001d300-\U0001d356\U0001d800-\U0001d9ff\U0001da37-\U0001da3a\U0001da6d-\U0001da74\U0001da76-\U0001da83\U0001da85-\U0001da8b\U0001e14f\U0001e2ff\U0001e95e-\U0001e95f\U0001ecac\U0001ecb0\U0001ed2e\U0001eef0-\U0001f0f5\U0001f10d-\U0001fbca\U000e0001-\U000e007f\U000f0000-\U0010fffd]+', ' ', 'g');
    if position('_' in plain) > 0 then
        plain := plain || ' ' || replace(plain, '_', ' ');
    end if;
    if plain ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then
        plain := regexp_replace(plain, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{1,2})', ' \1 ', 'g') || ' ' ||
            regexp_replace(regexp_replace(regexp_replace(plain, '[^\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g'), '(^| )[^ ]', ' ', 'g'), '([^ ]{1,2})', '\1 ', 'g');
    end if;
    words := array_remove(string_to_array(plain, ' '), '');
    if octet_length(plain) > 2000 then
        words := array(select left(word, 128) from unnest(words) word);
    end if;
    return array_to_tsvector(words || array_remove(links, ''));
end $$;

-- search_spans(post id, words): the words, each prefixed with its span of time, as in 1650:word. A span is 2^45 of ids, that is 2^29
-- milliseconds or 6 days. The search reads one span after the other, newest first, until a page is full. So a word that every post of
-- some years ago contains costs no more than the spans that are read, and words are found by their beginnings within one span.
create function search_spans(post_id bigint, words tsvector) returns tsvector language sql immutable parallel safe cost 1000 as $$
    select array_to_tsvector(array(select (post_id >> 45) || ':' || word from unnest(tsvector_to_array(words)) word))
$$;

-- The words of each post. In a table of its own, so that rows of posts stay small and the newest posts are compared without
-- computing their words again.
create table post_words (
    post_id bigint primary key references posts on delete cascade,  -- the newest posts, read backwards
    words tsvector not null
);
create index post_words_by_span on post_words using gin (search_spans(post_id, words));  -- search

-- update_post_words(): keeps post_words up to date with posts. Boosts and deleted posts have no words.
create function update_post_words() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.deleted_at is not null then
        delete from post_words where post_id = new.id;
    else
        insert into post_words values (new.id, search_terms(new.spoiler, new.text))
        on conflict (post_id) do update set words = excluded.words;
    end if;
    return null;
end $$;
create trigger post_words_inserted after insert on posts for each row
    when (new.boost_of is null and new.deleted_at is null) execute function update_post_words();
create trigger post_words_updated after update of spoiler, text, deleted_at on posts for each row
    when (new.boost_of is null and (old.spoiler, old.text, old.deleted_at) is distinct from (new.spoiler, new.text, new.deleted_at))
    execute function update_post_words();

-- Accounts are found by any part of their username or display name through trigrams, where PostgreSQL has pg_trgm and we may
-- install it. Otherwise the search reads all accounts.
do $$
begin
    create extension if not exists pg_trgm;
    create index accounts_usernames on accounts using gin (lower(username) gin_trgm_ops);  -- search
    create index accounts_folded_names on accounts using gin (search_fold(display_name) gin_trgm_ops);  -- search
exception when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then
    raise notice 'accounts are searched without pg_trgm';
end $$;


-- ============================================================================================================================
-- Statistics
-- ============================================================================================================================

-- Daily figures. They must be the same whenever they are counted again, although posts are deleted and edited, favourites undone,
-- accounts deleted and e-mails cleaned up. So what is deleted leaves a row in statistics_log: what it was, when and whose, never its
-- content. Triggers write it in the deleting transaction, cascades included; what still exists costs nothing. (Alternatives: a second
-- row for each post and favourite doubles every write; calls in the code make figures wrong for ever when one is forgotten.)

-- One value for each day and measure.
create table statistics (
    zone text not null,  -- UTC, or the site's time zone: where its midnight is
    day date not null,
    measure text not null,
    value bigint not null,
    detail jsonb not null default '[]',  -- for rankings: the first entries
    primary key (zone, day, measure)
);

-- What was deleted and still counts, and e-mails sent or failed.
create table statistics_log (
    kind text not null check (kind in ('account', 'post', 'reply', 'boost', 'favourite', 'follow', 'tag', 'mail.sent', 'mail.failed')),
    at timestamptz not null,  -- when it was created, or sent
    account_id bigint,  -- whose; no foreign key, the account may be deleted
    subject_id bigint,  -- the post, or the account followed
    tag_id bigint,
    public boolean not null default false,  -- the post was public
    open boolean not null default true  -- everybody could see it: public or unlisted. Only such rows count in public figures
);
create index statistics_log_by_time on statistics_log (at);  -- statistics of a day

-- The days of UTC on which each account was active, with the first and the last time. A day of another time zone covers the start,
-- the end or all of a day of UTC, so those two times tell whether the account was active in it.
create table visits (
    day date not null,
    account_id bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (day, account_id)  -- statistics of a day
) with (fillfactor = 80);

-- The most live connections at once of each process in a quarter of an hour (the midnight of every time zone starts one).
create table connection_samples (
    slot timestamptz not null,
    process text not null,
    peak integer not null,
    primary key (slot, process)  -- statistics of a day
);

-- Deleted accounts.
create function log_deleted_accounts() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id) select 'account', created_at, id from deleted_rows;
    return null;
end $$;
create trigger log_deleted_accounts after delete on accounts
    referencing old table as deleted_rows for each statement execute function log_deleted_accounts();

-- Ended follows.
create function log_deleted_follows() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id) select 'follow', created_at, follower_id, followee_id from deleted_rows;
    return null;
end $$;
create trigger log_deleted_follows after delete on follows
    referencing old table as deleted_rows for each statement execute function log_deleted_follows();

-- Undone favourites. Where the post is deleted as well it no longer exists here: log_deleted_post has logged its favourites.
create function log_deleted_favourites() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, public, open)
    select 'favourite', g.created_at, g.account_id, g.post_id, p.visibility = 'public', p.visibility in ('public', 'unlisted')
    from deleted_rows g join posts p on p.id = g.post_id;
    return null;
end $$;
create trigger log_deleted_favourites after delete on favourites
    referencing old table as deleted_rows for each statement execute function log_deleted_favourites();

-- Tags that an edit removed. Deleted posts: see log_deleted_favourites.
create function log_deleted_tags() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, tag_id, public)
    select 'tag', coalesce(g.used_at, p.created_at), p.account_id, g.post_id, g.tag_id, true
    from deleted_rows g join posts p on p.id = g.post_id where p.visibility = 'public';
    return null;
end $$;
create trigger log_deleted_tags after delete on post_tags
    referencing old table as deleted_rows for each statement execute function log_deleted_tags();

-- Deleted posts, with their boosts, favourites and tags. Before the deletion, while the rows that refer to the post still exist. A
-- boost whose original was deleted first was logged with that one.
create function log_deleted_post() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, public, open)
    select 'boost', old.created_at, old.account_id, o.id, o.visibility = 'public', old.visibility in ('public', 'unlisted')
    from posts o where o.id = old.boost_of;
    if old.boost_of is null then
        insert into statistics_log (kind, at, account_id, subject_id, public, open)
        select case when old.thread_id <> old.id then 'reply' else 'post' end, old.created_at, old.account_id, old.id,
               old.visibility = 'public', old.visibility in ('public', 'unlisted')
        union all
        select 'boost', b.created_at, b.account_id, old.id, old.visibility = 'public', b.visibility in ('public', 'unlisted')
        from posts b where b.boost_of = old.id
        union all
        select 'favourite', f.created_at, f.account_id, old.id, old.visibility = 'public', old.visibility in ('public', 'unlisted')
        from favourites f where f.post_id = old.id;
        insert into statistics_log (kind, at, account_id, subject_id, tag_id, public)
        select 'tag', coalesce(t.used_at, old.created_at), old.account_id, old.id, t.tag_id, true
        from post_tags t where t.post_id = old.id and old.visibility = 'public';
    end if;
    return old;
end $$;
create trigger log_deleted_post before delete on posts for each row execute function log_deleted_post();

-- E-mails that were sent (or written to files) or failed.
create function log_email() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at)
    values (case when new.state in ('sent', 'kept') then 'mail.sent' else 'mail.failed' end, coalesce(new.settled_at, now()));
    return null;
end $$;
create trigger log_email_inserted after insert on emails for each row
    when (new.state in ('sent', 'kept', 'refused', 'failed')) execute function log_email();
create trigger log_email_settled after update of state on emails for each row
    when (new.state in ('sent', 'kept', 'refused', 'failed') and new.state is distinct from old.state) execute function log_email();

-- record_visit(account, at): extends the account's visit of that day.
create function record_visit(account bigint, at timestamptz) returns void language sql as $$
    insert into visits as v (day, account_id, first_at, last_at) values ((at at time zone 'UTC')::date, account, at, at)
    on conflict (day, account_id) do update set first_at = least(v.first_at, excluded.first_at), last_at = greatest(v.last_at, excluded.last_at)
$$;

-- Visits by browser.
create function record_session_visit() returns trigger language plpgsql as $$
begin
    perform record_visit(new.account_id, new.seen_at);
    return null;
end $$;
create trigger record_session_visit after insert or update of seen_at on sessions for each row execute function record_session_visit();

-- Visits by app.
create function record_token_visit() returns trigger language plpgsql as $$
begin
    perform record_visit(new.account_id, new.used_at);
    return null;
end $$;
create trigger record_token_visit after update of used_at on tokens for each row
    when (new.account_id is not null and new.used_at is not null) execute function record_token_visit();


-- ============================================================================================================================
-- Invalidation of caches
-- ============================================================================================================================

-- Keys of what changed, so that each process keeps what it has read until it changes. Triggers write them in the changing
-- transaction, whatever statement caused it. A process reads the rows that its last snapshot did not see
-- (storage/invalidation_log.py). A logged table: if a crash emptied it, a process that reconnects would miss changes of others.
--
-- The keys: p<id> a post with its counters, poll, media and card. f<id> the posts of an account. t<id> a thread. public: public posts.
-- a<id> the profile of an account. v<id> how an account sees others (its follows, mutes, filters ...). n<id> its notifications.
-- l<id> its user. s<id> a session. o<id> an access token. news: announcements. *: everything.
create table invalidation_log (
    id bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    keys text[] not null,
    at timestamptz not null default now()
);
create index invalidation_log_by_transaction on invalidation_log (xid);  -- rows that a snapshot did not see
create index invalidation_log_by_time on invalidation_log (at);  -- cleanup

-- invalidate(keys): logs the keys. Very many are logged as "everything", which is cheaper.
create function invalidate(changed_keys text[]) returns void language sql as
$$ insert into invalidation_log (keys)
   select case when cardinality(changed_keys) > 500 then '{*}' else changed_keys end where cardinality(changed_keys) > 0 $$;

-- Posts.
create function invalidate_posts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct unnest(array['p' || id, 'f' || account_id, 't' || thread_id]
        || case when visibility = 'public' and boost_of is null then '{public}'::text[] else '{}' end) from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on posts
    referencing new table as changed_rows for each statement execute function invalidate_posts();
create trigger invalidate_updated after update on posts
    referencing new table as changed_rows for each statement execute function invalidate_posts();
create trigger invalidate_deleted after delete on posts
    referencing old table as changed_rows for each statement execute function invalidate_posts();

-- Tables whose rows belong to one post.
create function invalidate_post_parts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'p' || post_id from changed_rows where post_id is not null));
    return null;
end $$;
create trigger invalidate_updated after update on post_counts
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_inserted after insert on polls
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_updated after update on polls
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_deleted after delete on polls
    referencing old table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_inserted after insert on media
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_updated after update on media
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_detached after update on media  -- the post that media were removed from
    referencing old table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_deleted after delete on media
    referencing old table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_inserted after insert on post_cards
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_updated after update on post_cards
    referencing new table as changed_rows for each statement execute function invalidate_post_parts();
create trigger invalidate_deleted after delete on post_cards
    referencing old table as changed_rows for each statement execute function invalidate_post_parts();

-- Link previews, by the posts that show them.
create function invalidate_cards() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 'p' || s.post_id from changed_rows c join post_cards s on s.card_id = c.id));
    return null;
end $$;
create trigger invalidate_updated after update on cards
    referencing new table as changed_rows for each statement execute function invalidate_cards();

-- Follows, by their followers.
create function invalidate_follower() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'v' || follower_id from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on follows
    referencing new table as changed_rows for each statement execute function invalidate_follower();
create trigger invalidate_updated after update on follows
    referencing new table as changed_rows for each statement execute function invalidate_follower();
create trigger invalidate_deleted after delete on follows
    referencing old table as changed_rows for each statement execute function invalidate_follower();

-- Blocks, which work both ways.
create function invalidate_both_accounts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct unnest(array['v' || account_id, 'v' || target_id]) from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on blocks
    referencing new table as changed_rows for each statement execute function invalidate_both_accounts();
create trigger invalidate_deleted after delete on blocks
    referencing old table as changed_rows for each statement execute function invalidate_both_accounts();

-- Other tables about how an account sees others, by their owner.
create function invalidate_viewer() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'v' || account_id from changed_rows));
    return null;
end $$;
do $$
declare
    owned text;
begin
    foreach owned in array '{mutes,thread_mutes,favourites,bookmarks,pins,votes,lists,list_members,filters,followed_tags,announcement_reads}'::text[]
    loop
        execute format('create trigger invalidate_inserted after insert on %I referencing new table as changed_rows for each statement
            execute function invalidate_viewer()', owned);
        execute format('create trigger invalidate_deleted after delete on %I referencing old table as changed_rows for each statement
            execute function invalidate_viewer()', owned);
    end loop;
    foreach owned in array '{mutes,lists,filters}'::text[] loop
        execute format('create trigger invalidate_updated after update on %I referencing new table as changed_rows for each statement
            execute function invalidate_viewer()', owned);
    end loop;
end $$;

-- The contents of filters, by the filter's owner.
create function invalidate_filter_owner() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'v' || f.account_id from changed_rows t join filters f on f.id = t.filter_id));
    return null;
end $$;
create trigger invalidate_inserted after insert on filter_keywords
    referencing new table as changed_rows for each statement execute function invalidate_filter_owner();
create trigger invalidate_updated after update on filter_keywords
    referencing new table as changed_rows for each statement execute function invalidate_filter_owner();
create trigger invalidate_deleted after delete on filter_keywords
    referencing old table as changed_rows for each statement execute function invalidate_filter_owner();
create trigger invalidate_inserted after insert on filter_posts
    referencing new table as changed_rows for each statement execute function invalidate_filter_owner();
create trigger invalidate_deleted after delete on filter_posts
    referencing old table as changed_rows for each statement execute function invalidate_filter_owner();

-- Notifications, read positions and conversations, by their owner.
create function invalidate_notifications() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'n' || account_id from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on notifications
    referencing new table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_updated after update on notifications
    referencing new table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_deleted after delete on notifications
    referencing old table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_inserted after insert on markers
    referencing new table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_updated after update on markers
    referencing new table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_deleted after delete on markers
    referencing old table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_inserted after insert on conversations
    referencing new table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_updated after update on conversations
    referencing new table as changed_rows for each statement execute function invalidate_notifications();
create trigger invalidate_deleted after delete on conversations
    referencing old table as changed_rows for each statement execute function invalidate_notifications();

-- Follow requests, by the account that receives them.
create function invalidate_follow_requests() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'n' || followee_id from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on follow_requests
    referencing new table as changed_rows for each statement execute function invalidate_follow_requests();
create trigger invalidate_deleted after delete on follow_requests
    referencing old table as changed_rows for each statement execute function invalidate_follow_requests();

-- Profiles.
create function invalidate_accounts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 'a' || id from changed_rows));
    return null;
end $$;
create trigger invalidate_updated after update on accounts
    referencing new table as changed_rows for each statement execute function invalidate_accounts();

-- Counters of profiles.
create function invalidate_account_counts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 'a' || account_id from changed_rows));
    return null;
end $$;
create trigger invalidate_updated after update on account_counts
    referencing new table as changed_rows for each statement execute function invalidate_account_counts();

-- Accounts that appear or disappear as a whole, and renamed accounts and apps: their posts, replies and boosts can be anywhere.
create function invalidate_everything() returns trigger language plpgsql as $$
begin
    perform invalidate('{*}');
    return null;
end $$;
create trigger invalidate_state after update on accounts for each row
    when ((old.suspended_at, old.limited_at, old.deleted_at, old.username) is distinct from
          (new.suspended_at, new.limited_at, new.deleted_at, new.username)) execute function invalidate_everything();
create trigger invalidate_deleted after delete on accounts for each row execute function invalidate_everything();
create trigger invalidate_updated after update on apps for each statement execute function invalidate_everything();

-- Users.
create function invalidate_users() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 'l' || account_id from changed_rows));
    return null;
end $$;
create trigger invalidate_updated after update on users
    referencing new table as changed_rows for each statement execute function invalidate_users();
create trigger invalidate_deleted after delete on users
    referencing old table as changed_rows for each statement execute function invalidate_users();

-- Sessions.
create function invalidate_sessions() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 's' || id from changed_rows));
    return null;
end $$;
create trigger invalidate_updated after update on sessions
    referencing new table as changed_rows for each statement execute function invalidate_sessions();
create trigger invalidate_deleted after delete on sessions
    referencing old table as changed_rows for each statement execute function invalidate_sessions();

-- Access tokens.
create function invalidate_tokens() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 'o' || id from changed_rows));
    return null;
end $$;
create trigger invalidate_updated after update on tokens
    referencing new table as changed_rows for each statement execute function invalidate_tokens();
create trigger invalidate_deleted after delete on tokens
    referencing old table as changed_rows for each statement execute function invalidate_tokens();

-- Announcements.
create function invalidate_announcements() returns trigger language plpgsql as $$
begin
    perform invalidate('{news}');
    return null;
end $$;
create trigger invalidate_changed after insert or update or delete on announcements
    for each statement execute function invalidate_announcements();

-- Federation with ActivityPub: keys of actors, actors of other servers, and the activities that arrive and leave. Nothing is written to
-- these tables while MICROBLOG_FEDERATION is off. New tables only, and nullable columns without a default, so that the previous release can
-- serve meanwhile.

-- The public URL under which the site first federated. Other servers know accounts and posts by it for ever.
create table federation_start (
    is_only boolean primary key default true check (is_only),
    public_url text not null,
    started_at timestamptz not null
);

-- RSA key pairs of the actors of this site, made when needed.
create table actor_keys (
    id bigint generated always as identity primary key,
    account_id bigint references accounts on delete cascade,  -- null: the instance actor
    public_key text not null,  -- PEM (SubjectPublicKeyInfo)
    private_key bytea not null,  -- PKCS #8, encrypted with a key that is derived from the site's secret key
    created_at timestamptz not null,
    expires_at timestamptz  -- when a replaced key is forgotten; null: the current one
);
create unique index actor_keys_current on actor_keys (account_id) nulls not distinct where expires_at is null;  -- one current key an actor

-- Actors of other servers, beside their row in accounts.
create table remote_actors (
    account_id bigint primary key references accounts on delete cascade,
    kind text not null,  -- Person, Service, Application, Group, Organization
    inbox text not null,
    shared_inbox text,
    outbox text,
    followers text,
    following text,
    featured text,
    also_known_as text[] not null default '{}',
    moved_to text,
    avatar_url text,
    header_url text,
    followers_count integer,  -- as its server says; null: it does not say
    following_count integer,
    posts_count integer,
    fetched_at timestamptz not null
);

-- Public keys of actors of other servers.
create table remote_keys (
    key_id text primary key,
    account_id bigint not null references accounts on delete cascade,
    public_key text not null,  -- PEM (SubjectPublicKeyInfo)
    fetched_at timestamptz not null
);
create index remote_keys_by_account on remote_keys (account_id);  -- replacing the keys of an actor

-- Other servers: how deliveries to them go, and the claim of the process that delivers.
create table hosts (
    host text primary key,  -- A-labels, with a port unless it is the usual one
    seen_at timestamptz,  -- last activity with a valid signature
    failures integer not null default 0,  -- consecutive failed deliveries
    failed_days date[] not null default '{}',  -- since the last success
    last_error text not null default '',
    paused_until timestamptz,
    dead_since timestamptz,  -- nothing is delivered until an activity arrives from it
    due_at timestamptz,  -- when its earliest delivery is due; null: none waits
    lease_until timestamptz,  -- until then, only `worker` delivers to it
    worker text
);
create index hosts_due on hosts (due_at) where due_at is not null and dead_since is null;  -- claim

-- Activities of this site's actors, in the order in which they happened. Written in the transaction of what they tell.
create table outgoing_activities (
    id bigint generated always as identity primary key,
    kind text not null,
    account_id bigint references accounts on delete cascade,  -- the actor; null: the instance actor
    post_id bigint,  -- no foreign key: a deletion is told after the row is gone
    data jsonb not null default '{}',  -- what cannot be looked up any more when it is sent
    created_at timestamptz not null,
    body text,  -- the JSON document, the same for all recipients; null until `expanded_at`
    expanded_at timestamptz  -- when its deliveries were written
);
create index outgoing_activities_new on outgoing_activities (id) where expanded_at is null;  -- what has no deliveries yet
create index outgoing_activities_by_account on outgoing_activities (account_id);  -- deletion of the account
create index outgoing_activities_expanded on outgoing_activities (expanded_at) where expanded_at is not null;  -- cleanup

-- One row for each inbox that still has to get an activity.
create table deliveries (
    id bigint generated always as identity primary key,
    activity_id bigint not null references outgoing_activities on delete cascade,
    host text not null,
    inbox text not null,
    due_at timestamptz not null,
    tries integer not null default 0,
    last_error text not null default '',
    unique (activity_id, inbox)
);
create index deliveries_by_host on deliveries (host, id);  -- what a claimed host gets, in order

-- Hosts that got a post, for edits and its deletion.
create table post_recipients (
    post_id bigint not null,
    inbox text not null,
    primary key (post_id, inbox)
);

-- Activities that arrived, once each, for seven days.
create table incoming_activities (
    id bigint generated always as identity primary key,
    key text not null unique,  -- id of the activity or of its object, or a hash of its body
    signer_id bigint not null references accounts on delete cascade,
    recipient_id bigint references accounts on delete cascade,  -- owner of the personal inbox; null: the shared inbox
    body text not null,
    received_at timestamptz not null
);
create index incoming_activities_by_signer on incoming_activities (signer_id);  -- deletion of the account
create index incoming_activities_by_recipient on incoming_activities (recipient_id);  -- deletion of the account
create index incoming_activities_by_time on incoming_activities (received_at);  -- cleanup

-- Objects that were deleted or undone, in case what made them arrives later. Kept for seven days.
create table remote_tombstones (
    uri text not null,
    actor text not null,
    created_at timestamptz not null,
    primary key (uri, actor)
);
create index remote_tombstones_by_time on remote_tombstones (created_at);  -- cleanup

-- The id under which the other server knows a follow, a request, a block or a favourite: needed to accept, reject or undo it.
alter table follows add column activity_uri text;
alter table follow_requests add column activity_uri text;
alter table blocks add column activity_uri text;
alter table favourites add column activity_uri text;

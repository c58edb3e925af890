-- Apps: the programs that people sign in with, the codes by which they are let in, and the tokens that they keep (OAuth 2, RFC 6749).
-- Secrets, codes and tokens are random and stand here as SHA-256 only: a stolen dump lets nobody in.
create table apps (
    id bigint primary key,
    client_id text not null unique,  -- what the app calls itself by; every request of an unknown one ends here
    secret_hash bytea not null,
    name text not null,
    website text,
    redirect_uris text[] not null,
    scopes text[] not null,
    created_at timestamptz not null
);
create index apps_by_time on apps (created_at);  -- the sweep of apps that nobody signs in with

create table tokens (
    id bigint primary key,
    token_hash bytea not null unique,  -- every request of the API
    app_id bigint not null references apps on delete cascade,
    account_id bigint references accounts on delete cascade,  -- null: the app's own
    scopes text[] not null,
    created_at timestamptz not null,
    used_at timestamptz,  -- noted rarely
    revoked_at timestamptz  -- kept for a while, so that its app can be told that it was revoked
);
create index tokens_by_account on tokens (account_id, app_id, id desc);  -- the list in the settings; revoke all of an account
create index tokens_by_app on tokens (app_id, id desc);  -- foreign key; the app's own
create index tokens_revoked on tokens (revoked_at) where revoked_at is not null;  -- the sweep

create table oauth_codes (
    code_hash bytea primary key,
    app_id bigint not null references apps on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    redirect_uri text not null,
    scopes text[] not null,
    challenge text,  -- PKCE (RFC 7636), always S256
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,  -- a second use is a theft: then the token goes too
    token_id bigint references tokens on delete set null
);
create index oauth_codes_by_app on oauth_codes (app_id);  -- foreign key
create index oauth_codes_by_account on oauth_codes (account_id);  -- foreign key; forget all of an account
create index oauth_codes_by_token on oauth_codes (token_id) where token_id is not null;  -- foreign key
create index oauth_codes_expired on oauth_codes (expires_at);  -- the sweep

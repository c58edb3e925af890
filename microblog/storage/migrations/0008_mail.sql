-- Mail: every letter is a row before it is sent, so that none is lost and the administrator sees what became of each. Addresses that wait
-- to be proved, and the browsers that somebody has logged in with, so that a new one can be told.
create table letters (
    id bigint primary key,
    kind text not null,
    account_id bigint references accounts on delete set null,  -- an applicant who is refused has no account any more
    recipient text not null,
    about bigint,  -- a notification, which may be gone: then nobody needs the letter
    key text,  -- what is to be told once is told once, whoever does and undoes it
    data jsonb not null default '{}',
    message_id text,  -- given at the first try
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'deferred', 'refused', 'kept', 'cancelled', 'failed')),
    tries integer not null default 0,
    answer text not null default '',
    created_at timestamptz not null,
    settled_at timestamptz
);
create unique index letters_once on letters (account_id, kind, key) where key is not null;
create index letters_by_account on letters (account_id, id desc);  -- what became of somebody's last; limits; foreign key
create index letters_by_state on letters (state, id desc);  -- the outbox, by state
create index letters_settled on letters (settled_at) where settled_at is not null;  -- the sweep, the day's figures

alter table logins add column new_email text;  -- chosen, and not used before it is confirmed

create table devices (
    account_id bigint not null references accounts on delete cascade,
    token_hash bytea not null,  -- sha256 of what its cookie says
    seen_at timestamptz not null,
    primary key (account_id, token_hash)
);
create index devices_by_time on devices (seen_at);  -- the sweep

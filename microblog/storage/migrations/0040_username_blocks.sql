-- Blocked usernames. A new table: the previous release serves meanwhile, without looking at it.

create table username_blocks (
    id bigint primary key,
    username text not null check (username <> ''),  -- as the administrator wrote it
    normalized text not null check (normalized <> ''),  -- in lower case, with letters instead of digits that look like them
    exact boolean not null,  -- the whole name, else any part of it
    allow_with_approval boolean not null default false,  -- sign-ups wait for approval instead of being refused
    created_by bigint references accounts on delete set null,  -- null: the command line
    created_at timestamptz not null,
    unique (normalized, exact)
);
create index username_blocks_by_creator on username_blocks (created_by) where created_by is not null;  -- deletion of the account

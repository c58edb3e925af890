-- Accounts that moved, aliases of accounts, links of profiles that link back, daily numbers of the traffic with other servers, and how far
-- the clean-up of what came from them has got. New tables, and nullable columns without a default: no rewrite, and the previous release can
-- serve meanwhile.

-- The account that an account moved to: its followers follow that one, and nobody can follow it any more.
alter table accounts
    add column moved_to_id bigint references accounts on delete set null,
    -- Values of profile fields whose page links back to the profile, each with the time at which that was found; null: it does not.
    add column verified_links jsonb;
create index accounts_moved on accounts (moved_to_id) where moved_to_id is not null;  -- foreign key
analyze accounts (moved_to_id, verified_links);

-- Other accounts of the owner of an account here, which may move to it.
create table account_aliases (
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null,
    primary key (account_id, target_id)
);
create index account_aliases_by_target on account_aliases (target_id);  -- foreign key

-- Moves of accounts, also of those that were taken back: the next one has to wait.
create table account_moves (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    target_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null
);
create index account_moves_by_account on account_moves (account_id, id desc);  -- the last move of an account
create index account_moves_by_target on account_moves (target_id);  -- foreign key

-- The lists that are to contain an account once it accepts the request: followers of an account that moved keep it on their lists.
alter table follow_requests add column lists bigint[];

-- Activities received, delivered, and not delivered, by day (UTC). Each process counts in one of several rows of a day, so that they do not
-- wait for each other.
create table federation_days (
    day date not null,
    slot smallint not null,
    received bigint not null default 0,
    delivered bigint not null default 0,
    failed bigint not null default 0,  -- tries
    primary key (day, slot)
);

-- Positions of jobs that go through a table, a part at each run.
create table cleanup_positions (
    kind text primary key,
    position text not null
);

-- A deleted row of an account elsewhere is one without posts and relations: it was on no page that is cached but its own.
create function invalidate_deleted_elsewhere() returns trigger language plpgsql as $$
begin
    perform invalidate(array['a' || old.id, 'f' || old.id, 'x' || old.id, 'people']);
    return null;
end $$;
drop trigger invalidate_deleted on accounts;
create trigger invalidate_deleted after delete on accounts for each row when (old.host is null) execute function invalidate_everything();
create trigger invalidate_deleted_elsewhere after delete on accounts for each row
    when (old.host is not null) execute function invalidate_deleted_elsewhere();

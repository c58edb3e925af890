-- Rules of the site for other servers, the servers on the allow-list, and what accounts here lost when a server or an account was suspended.
--
-- The accounts of a suspended or limited domain have `suspended_at` or `limited_at`, so that everything that hides accounts hides them too. The
-- new columns say where that comes from. New tables only, and columns with constant defaults, so that the previous release can serve meanwhile.

-- A rule holds for its domain and all subdomains; the most specific one wins.
create table domain_rules (
    id bigint primary key,
    domain text not null unique check (domain <> '' and domain = lower(domain)),  -- A-labels
    severity text not null check (severity in ('suspend', 'silence', 'noop')),
    reject_media boolean not null default false,
    reject_reports boolean not null default false,
    obfuscate boolean not null default false,  -- hide a part of the name in public lists
    public_comment text not null default '',
    private_comment text not null default '',
    created_by bigint references accounts on delete set null,  -- null: the command line
    created_at timestamptz not null
);
create index domain_rules_by_creator on domain_rules (created_by) where created_by is not null;  -- deletion of the account

-- The servers that a site with an allow-list federates with, without their subdomains.
create table allowed_domains (
    id bigint primary key,
    domain text not null unique check (domain <> '' and domain = lower(domain)),
    created_by bigint references accounts on delete set null,
    created_at timestamptz not null
);
create index allowed_domains_by_creator on allowed_domains (created_by) where created_by is not null;  -- deletion of the account

-- True if the state comes from a rule for the account's domain, or from the allow-list, and ends with it.
alter table accounts
    add column suspended_by_domain boolean not null default false,
    add column limited_by_domain boolean not null default false;

-- How the site federated when it last started: another mode changes which accounts are hidden.
alter table federation_start add column mode text not null default 'on';

-- The states of many accounts are changed by one statement, which then logs one key for all of them.
drop trigger invalidate_state on accounts;
create trigger invalidate_state after update on accounts for each row
    when ((old.suspended_at, old.limited_at, old.deleted_at) is distinct from (new.suspended_at, new.limited_at, new.deleted_at)
          and old.username = new.username and current_setting('microblog.many_accounts', true) is distinct from 'on')
    execute function invalidate_account_state();
drop trigger invalidate_hashtags on accounts;
create trigger invalidate_hashtags after update on accounts for each row
    when ((old.suspended_at, old.deleted_at) is distinct from (new.suspended_at, new.deleted_at)
          and current_setting('microblog.many_accounts', true) is distinct from 'on')
    execute function invalidate_hashtags_of_account();

-- Relationships that ended because a domain or an account was suspended, or because somebody blocked a domain.
create table severance_events (
    id bigint primary key,
    kind text not null check (kind in ('domain_block', 'user_domain_block', 'account_suspension')),
    target_name text not null,  -- the domain, or the account's address
    created_at timestamptz not null
);
-- A follow that ended, in one of the two directions. The other account's address stays when the account is deleted.
create table severed_follows (
    id bigint generated always as identity primary key,
    event_id bigint not null references severance_events on delete cascade,
    account_id bigint not null references accounts on delete cascade,  -- of this site
    is_follower boolean not null,  -- true: the other account followed this one
    acct text not null,  -- the other account
    boosts boolean not null default true,
    notify boolean not null default false,
    languages text[]
);
create index severed_follows_by_account on severed_follows (account_id, event_id, is_follower, id);  -- the lists of an account; foreign key
create index severed_follows_by_event on severed_follows (event_id);  -- foreign key
-- What an account lost by an event.
create table severances (
    id bigint primary key,
    event_id bigint not null references severance_events on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    followers_count integer not null default 0,
    following_count integer not null default 0,
    unique (event_id, account_id)
);
create index severances_by_account on severances (account_id);  -- foreign key

-- A notification of what an account lost. Last, because notifications can be neither read nor written while the index is built.
alter table notifications add column severance_id bigint references severances on delete cascade;
create index notifications_by_severance on notifications (severance_id) where severance_id is not null;  -- its event; foreign key
drop index notifications_once;
create unique index notifications_once
    on notifications (account_id, kind, from_account_id, post_id, report_id, warning_id, severance_id) nulls not distinct;  -- no event twice

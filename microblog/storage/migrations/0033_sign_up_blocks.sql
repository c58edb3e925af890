-- Blocks of sign-ups: e-mail domains and IP addresses. New tables: the previous release serves meanwhile, without looking at them.

-- A block holds for its domain and all subdomains.
create table email_domain_blocks (
    id bigint primary key,
    domain text not null unique check (domain <> '' and domain = lower(domain)),  -- A-labels
    allow_with_approval boolean not null default false,  -- sign-ups wait for approval instead of being refused
    created_by bigint references accounts on delete set null,  -- null: the command line
    created_at timestamptz not null
);
create index email_domain_blocks_by_creator on email_domain_blocks (created_by) where created_by is not null;  -- deletion of the account

-- Sign-ups that a block stopped or let wait, by day and client address; of the last seven days.
create table email_domain_attempts (
    block_id bigint not null references email_domain_blocks on delete cascade,
    day date not null,
    address text not null,
    attempts integer not null default 1,
    primary key (block_id, day, address)
);
create index email_domain_attempts_by_day on email_domain_attempts (day);  -- cleanup

-- Blocked addresses and networks. A block holds for all addresses in its network, until it expires.
create table ip_blocks (
    id bigint primary key,
    network cidr not null unique,
    severity text not null check (severity in ('sign_up_requires_approval', 'sign_up_block', 'no_access')),
    comment text not null default '',
    expires_at timestamptz,
    created_by bigint references accounts on delete set null,  -- null: the command line
    created_at timestamptz not null
);
create index ip_blocks_containing on ip_blocks using gist (network inet_ops);  -- blocks that contain the address of a sign-up
create index ip_blocks_by_creator on ip_blocks (created_by) where created_by is not null;  -- deletion of the account

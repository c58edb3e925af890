-- Blocked e-mail addresses, as hashes of their canonical form. A new table: the previous release serves meanwhile, without looking at it.

create table canonical_email_blocks (
    id bigint primary key,
    hash text not null check (hash ~ '^[0-9a-f]{64}$'),  -- SHA-256 of the address in lower case, the local part without dots and +tag
    account_id bigint references accounts on delete set null,  -- the suspended account whose address it is; null: added by an administrator
    created_by bigint references accounts on delete set null,  -- null: the command line or a suspension
    created_at timestamptz not null
);
create index canonical_email_blocks_by_hash on canonical_email_blocks (hash);  -- sign-ups. Not unique: the block outlives its account
create unique index canonical_email_blocks_by_account on canonical_email_blocks (account_id);  -- one each; end of a suspension
create index canonical_email_blocks_by_creator on canonical_email_blocks (created_by) where created_by is not null;  -- deletion of the account

-- Suspensions block the address from now on; those of today do, too.
insert into canonical_email_blocks (id, hash, account_id, created_at)
select new_id(now()), encode(sha256(convert_to(
           replace(split_part(split_part(lower(u.email), '@', 1), '+', 1), '.', '') || '@' || split_part(lower(u.email), '@', 2), 'UTF8')), 'hex'),
       a.id, now()
from accounts a join users u on u.account_id = a.id where a.suspended_at is not null and a.deleted_at is null;

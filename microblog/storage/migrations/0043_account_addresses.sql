-- Network addresses that accounts sign up from and that their apps use, beside those of sessions, so that moderators find the other accounts
-- of a network. Columns that are null: no rewrite, and the previous release serves meanwhile, without filling them.

alter table users add column sign_up_address inet;  -- null: unknown, or old
alter table tokens add column address inet;  -- where the token was last used from; null: unknown, or long ago

-- The accounts of an address or network.
create index users_by_address on users (sign_up_address) where sign_up_address is not null;
create index tokens_by_address on tokens (address) where address is not null;
-- An address of a link (fe80::1%eth0) names the interface of this machine too, which is left out.
create index sessions_by_address on sessions ((nullif(split_part(address, '%', 1), '')::inet));

-- Deletion of old addresses.
create index users_address_age on users (created_at) where sign_up_address is not null;
create index tokens_address_age on tokens (used_at) where address is not null;

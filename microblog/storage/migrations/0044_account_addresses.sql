-- The indexes of addresses, in a transaction of its own: it reads the tables once, and meanwhile they can be read, but not written.

-- The address in a text, without the zone of a link-local one (fe80::1%eth0), which names an interface of this machine; null if there is none.
-- A cast would do, but with it a text that is no address could not be stored, and the index not be built where there is one.
create function inet_or_null(said text) returns inet language plpgsql immutable strict as $$
begin
    return split_part(said, '%', 1)::inet;
exception when invalid_text_representation then
    return null;
end $$;

-- The accounts of an address or network.
create index users_by_address on users (sign_up_address) where sign_up_address is not null;
create index tokens_by_address on tokens (address) where address is not null;
create index sessions_by_address on sessions (inet_or_null(address));

-- Deletion of old addresses.
create index users_address_age on users (created_at) where sign_up_address is not null;
create index tokens_address_age on tokens (used_at) where address is not null;

-- Accounts that are suspended today could be restored at any time so far: they are kept for thirty days from now.
update users set kept_until = now() + interval '30 days'
where account_id in (select id from accounts where suspended_at is not null and deleted_at is null);

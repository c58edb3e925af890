-- What is stored of a suspended account of this site is deleted thirty days after the suspension. Accounts that are suspended today could be
-- restored at any time so far: they are kept for thirty days from now. A column that is null: no rewrite, and the previous release serves
-- meanwhile, without looking at it.

alter table users add column kept_until timestamptz;  -- not deleted before, however long the account is suspended; null: no such time

update users set kept_until = now() + interval '30 days'
where account_id in (select id from accounts where suspended_at is not null and deleted_at is null);

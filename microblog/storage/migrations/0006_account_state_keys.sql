-- Keys of accounts that appear, disappear or are limited. This used to log "everything", so that suspending one spammer emptied all caches
-- of all processes. Now it logs the keys of what shows the account's posts, and x<id>, for which the posts on cached timelines are looked
-- at again. Accounts with many posts, renamed accounts and deleted rows still log everything.
--
-- `*` beside other keys is for processes of the previous release, which know no x<id>: they still drop everything.

create function invalidate_account_state() returns trigger language plpgsql as $$
begin
    if (select count(*) from (select from posts p where p.account_id = new.id and p.deleted_at is null limit 200) newest) >= 200 then
        perform invalidate('{*}');
        return null;
    end if;
    perform invalidate(array(
        with own as materialized (
            select p.id, p.thread_id, p.visibility from posts p where p.account_id = new.id and p.deleted_at is null),
        -- conversations with the account
        direct as (
            select o.thread_id from own o where o.visibility = 'direct'
            union select p.thread_id from mentions m join posts p on p.id = m.post_id where m.account_id = new.id and p.visibility = 'direct')
        select unnest(array['*', 'x' || new.id, 'f' || new.id, 'public'])
        union select unnest(array['p' || id, 't' || coalesce(thread_id, id)]) from own
        union select 'f' || b.account_id from own o cross join lateral (select p.account_id from posts p where p.boost_of = o.id offset 0) b
        union select 'n' || n.account_id from notifications n where n.from_account_id = new.id
        union select 'n' || r.followee_id from follow_requests r where r.follower_id = new.id
        union select 'n' || c.account_id from direct d join conversations c on c.thread_id = d.thread_id));
    return null;
end $$;
drop trigger invalidate_state on accounts;
create trigger invalidate_state after update on accounts for each row
    when ((old.suspended_at, old.limited_at, old.deleted_at) is distinct from (new.suspended_at, new.limited_at, new.deleted_at)
          and old.username = new.username) execute function invalidate_account_state();
create trigger invalidate_renamed after update of username on accounts for each row
    when (old.username is distinct from new.username) execute function invalidate_everything();

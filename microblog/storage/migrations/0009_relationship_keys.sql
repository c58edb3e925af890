-- Keys for cached relationships and lists of people. Private notes and featured accounts are part of a viewer's relationships, and
-- notification requests of what their page of notifications shows, but they logged no key of the viewer. An account that was suspended
-- comes back on lists of followers, where it had no key: `people` stands for which accounts there are.

do $$
declare
    changed text;
    handler text;
begin
    for changed, handler in values ('account_notes', 'invalidate_viewer'), ('endorsements', 'invalidate_viewer'),
        ('notification_requests', 'invalidate_notifications')
    loop
        execute format('create trigger invalidate_inserted after insert on %I referencing new table as changed_rows for each statement
            execute function %I()', changed, handler);
        execute format('create trigger invalidate_updated after update on %I referencing new table as changed_rows for each statement
            execute function %I()', changed, handler);
        execute format('create trigger invalidate_deleted after delete on %I referencing old table as changed_rows for each statement
            execute function %I()', changed, handler);
    end loop;
end $$;

create or replace function invalidate_account_state() returns trigger language plpgsql as $$
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
        select unnest(array['*', 'x' || new.id, 'f' || new.id, 'public', 'people'])
        union select unnest(array['p' || id, 't' || coalesce(thread_id, id)]) from own
        union select 'f' || b.account_id from own o cross join lateral (select p.account_id from posts p where p.boost_of = o.id offset 0) b
        union select 'n' || n.account_id from notifications n where n.from_account_id = new.id
        union select 'n' || r.followee_id from follow_requests r where r.follower_id = new.id
        union select 'n' || c.account_id from direct d join conversations c on c.thread_id = d.thread_id));
    return null;
end $$;

-- Suggested accounts are cached by viewer. A follow request and a dismissed suggestion remove an account from them, but logged no
-- invalidation key of the viewer.

create or replace function invalidate_follow_requests() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct unnest(array['n' || followee_id, 'v' || follower_id]) from changed_rows));
    return null;
end $$;
create trigger invalidate_inserted after insert on dismissed_suggestions
    referencing new table as changed_rows for each statement execute function invalidate_viewer();
create trigger invalidate_deleted after delete on dismissed_suggestions
    referencing old table as changed_rows for each statement execute function invalidate_viewer();

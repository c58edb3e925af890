-- Finer invalidation keys. A favourite used to invalidate every page with the post and the relations of whoever favourited it, and a post
-- every page with any post of its author. Now counters and a viewer's interactions have keys of their own, which carry the new value after
-- `=`, so that caches change what they hold instead of reading it again.
--
-- New keys: c<id> counters of a post (replies, boosts, favourites). k<id> counters of an account (posts, followers, following, date of the
-- last post). i<id> interactions of an account (the post, or `*` for all). g<id> pinned posts of an account.
-- Narrower than before: p<id> without counters, a<id> without counters, v<id> without interactions.
-- A process of 0.2.0 that still runs shows counters and interactions as they were until it is restarted.

-- Posts; a boost is also an interaction with the boosted post.
create or replace function invalidate_posts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct unnest(array['p' || id, 'f' || account_id, 't' || thread_id]
        || case when visibility = 'public' and boost_of is null then '{public}'::text[] else '{}' end
        || case when boost_of is null then '{}'::text[] else array['i' || account_id || '=' || boost_of] end) from changed_rows));
    return null;
end $$;

-- Counters of posts.
create function invalidate_post_counts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select 'c' || post_id || '=' || replies || ',' || boosts || ',' || favourites from changed_rows));
    return null;
end $$;
drop trigger invalidate_updated on post_counts;
create trigger invalidate_updated after update on post_counts
    referencing new table as changed_rows for each statement execute function invalidate_post_counts();

-- Counters of accounts.
create or replace function invalidate_account_counts() returns trigger language plpgsql as $$
begin
    perform invalidate(array(
        select 'k' || account_id || '=' || posts || ',' || followers || ',' || following || ',' || coalesce(last_post_on::text, '')
        from changed_rows));
    return null;
end $$;

-- Interactions, by the account and the post.
create function invalidate_interactions() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'i' || account_id || '=' || post_id from changed_rows));
    return null;
end $$;
-- The poll may be deleted together with its votes, when the post gets another one.
create function invalidate_votes() returns trigger language plpgsql as $$
begin
    perform invalidate(array(
        select distinct 'i' || v.account_id || '=' || coalesce(q.post_id::text, '*') from changed_rows v left join polls q on q.id = v.poll_id));
    return null;
end $$;
create function invalidate_all_interactions() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'i' || account_id || '=*' from changed_rows));
    return null;
end $$;
create function invalidate_pins() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct unnest(array['g' || account_id, 'i' || account_id || '=' || post_id]) from changed_rows));
    return null;
end $$;
do $$
declare
    changed text;
    handler text;
begin
    for changed, handler in values ('favourites', 'invalidate_interactions'), ('bookmarks', 'invalidate_interactions'),
        ('votes', 'invalidate_votes'), ('thread_mutes', 'invalidate_all_interactions'), ('pins', 'invalidate_pins')
    loop
        execute format('drop trigger invalidate_inserted on %I', changed);
        execute format('drop trigger invalidate_deleted on %I', changed);
        execute format('create trigger invalidate_inserted after insert on %I referencing new table as changed_rows for each statement
            execute function %I()', changed, handler);
        execute format('create trigger invalidate_deleted after delete on %I referencing old table as changed_rows for each statement
            execute function %I()', changed, handler);
    end loop;
end $$;

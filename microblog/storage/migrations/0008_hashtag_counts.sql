-- Search for hashtags reads counts instead of counting: it used to look at up to 100 posts of each of 60 hashtags, and at all posts of a week
-- of each hashtag that it found. The job that counts all uses now also counts those of each day, and notes how far it counted, so that only
-- later uses are read from the posts.

alter table tags add column counted_to bigint not null default 0;  -- newest post that was counted in `uses` and in tag_days

-- Public uses of each hashtag by day, up to tags.counted_to. Deleted posts are subtracted when the day is counted again.
create table tag_days (
    tag_id bigint not null references tags on delete cascade,
    day integer not null,  -- since 1970-01-01, UTC
    people integer not null,
    posts integer not null,
    primary key (tag_id, day)
);
create index tag_days_by_day on tag_days (day);  -- deletion of old days

-- Cached searches for hashtags depend on h<xy>: the uses of all hashtags that begin with these two characters.
create function hashtag_keys(posts bigint[]) returns text[] language sql stable as
$$ select array(select distinct 'h' || left(t.key, 2) from post_tags u join tags t on t.id = u.tag_id where u.post_id = any(posts)) $$;
create function invalidate_hashtags() returns trigger language plpgsql as $$
begin
    perform invalidate(array(select distinct 'h' || left(t.key, 2) from changed_rows c join tags t on t.id = c.tag_id));
    return null;
end $$;
create trigger invalidate_inserted after insert on post_tags
    referencing new table as changed_rows for each statement execute function invalidate_hashtags();
create trigger invalidate_deleted after delete on post_tags
    referencing old table as changed_rows for each statement execute function invalidate_hashtags();

-- An edit can change who may see a post, by its mentions.
create function invalidate_hashtags_of_posts() returns trigger language plpgsql as $$
begin
    perform invalidate(hashtag_keys(array(select id from changed_rows)));
    return null;
end $$;
create trigger invalidate_hashtags after update on posts
    referencing new table as changed_rows for each statement execute function invalidate_hashtags_of_posts();

-- If the account has many posts, invalidate_account_state has logged everything.
create function invalidate_hashtags_of_account() returns trigger language plpgsql as $$
begin
    perform invalidate(hashtag_keys(array(
        select id from posts where account_id = new.id and deleted_at is null order by id desc limit 200)));
    return null;
end $$;
create trigger invalidate_hashtags after update on accounts for each row
    when ((old.suspended_at, old.deleted_at) is distinct from (new.suspended_at, new.deleted_at))
    execute function invalidate_hashtags_of_account();

-- Found hashtags show which ones the viewer features.
create trigger invalidate_inserted after insert on featured_tags
    referencing new table as changed_rows for each statement execute function invalidate_viewer();
create trigger invalidate_deleted after delete on featured_tags
    referencing old table as changed_rows for each statement execute function invalidate_viewer();

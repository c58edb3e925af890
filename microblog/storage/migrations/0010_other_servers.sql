-- Accounts and posts of other servers. An account of another server has a host, the `uri` by which its server names it, and the `url` of
-- its page. In rows of this site all of these are null: their addresses follow from the username and the site's public URL.
--
-- So "people here" are the accounts without a host, and "posts of people here" the posts without a uri (boosts too). Usernames are unique
-- on each host. The previous release can serve meanwhile: it writes and reads rows without a host, and finds usernames by the new index.
-- The new columns take no rewrite of the tables. 0011_posts_by_uri.sql builds the index of posts, apart from the locks that are taken here.

alter table accounts
    add column host text check (host <> '' and host = lower(host)),  -- A-labels, with a port unless it is the usual one
    add column uri text check (length(uri) <= 2048),
    add column url text,
    drop constraint accounts_username_check,
    -- Other servers have longer names, with dots and hyphens.
    add constraint accounts_username_check check (
        case when host is null then username ~ '^[A-Za-z0-9_]{1,30}$'
             else username ~ '^[A-Za-z0-9_]+([.-]+[A-Za-z0-9_]+)*$' and length(username) <= 255 end),
    add constraint accounts_addresses check ((host is null) = (uri is null) and (host is not null or url is null));
create unique index accounts_by_address on accounts (lower(username), coalesce(host, ''));  -- look-up by name; unique without regard to case
drop index accounts_by_username;
create unique index accounts_by_uri on accounts (uri) where uri is not null;  -- look-up by uri; unique
create index accounts_here on accounts (id) where host is null;  -- directory, numbers of the site
create index accounts_here_by_time on accounts (created_at) where host is null;  -- statistics of a day
drop index accounts_by_time;

alter table posts
    add column uri text,
    add column url text,
    add column arrived_at timestamptz;  -- when this site got the post; `created_at` is when it was published

-- Mentions show the address of an account, so that any page may change with it.
drop trigger invalidate_renamed on accounts;
create trigger invalidate_renamed after update of username, host, uri, url on accounts for each row
    when ((old.username, old.host, old.uri, old.url) is distinct from (new.username, new.host, new.uri, new.url))
    execute function invalidate_everything();

-- The log of what was deleted is for the statistics of people here: what they wrote and did. `public` is true for posts of this site only,
-- which can be the most popular ones. Accounts of other servers are deleted only when nothing of theirs is left.
create or replace function log_deleted_accounts() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id) select 'account', created_at, id from deleted_rows where host is null;
    return null;
end $$;
create or replace function log_deleted_follows() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id)
    select 'follow', g.created_at, g.follower_id, g.followee_id from deleted_rows g
    where not exists (select from accounts a where a.id = g.follower_id and a.host is not null);
    return null;
end $$;
create or replace function log_deleted_favourites() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, public, open)
    select 'favourite', g.created_at, g.account_id, g.post_id, p.visibility = 'public' and p.uri is null,
           p.visibility in ('public', 'unlisted')
    from deleted_rows g join posts p on p.id = g.post_id
    where not exists (select from accounts a where a.id = g.account_id and a.host is not null);
    return null;
end $$;
create or replace function log_deleted_tags() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, tag_id, public)
    select 'tag', coalesce(g.used_at, p.created_at), p.account_id, g.post_id, g.tag_id, true
    from deleted_rows g join posts p on p.id = g.post_id where p.visibility = 'public' and p.uri is null;
    return null;
end $$;
create or replace function log_deleted_post() returns trigger language plpgsql as $$
begin
    insert into statistics_log (kind, at, account_id, subject_id, public, open)
    select 'boost', old.created_at, old.account_id, o.id, o.visibility = 'public' and o.uri is null, old.visibility in ('public', 'unlisted')
    from posts o where o.id = old.boost_of and old.uri is null;
    if old.boost_of is null then
        insert into statistics_log (kind, at, account_id, subject_id, public, open)
        select case when old.thread_id <> old.id then 'reply' else 'post' end, old.created_at, old.account_id, old.id,
               old.visibility = 'public', old.visibility in ('public', 'unlisted')
        where old.uri is null
        union all
        select 'boost', b.created_at, b.account_id, old.id, old.visibility = 'public' and old.uri is null,
               b.visibility in ('public', 'unlisted')
        from posts b where b.boost_of = old.id and b.uri is null
        union all
        select 'favourite', f.created_at, f.account_id, old.id, old.visibility = 'public' and old.uri is null,
               old.visibility in ('public', 'unlisted')
        from favourites f
        where f.post_id = old.id and not exists (select from accounts a where a.id = f.account_id and a.host is not null);
        insert into statistics_log (kind, at, account_id, subject_id, tag_id, public)
        select 'tag', coalesce(t.used_at, old.created_at), old.account_id, old.id, t.tag_id, true
        from post_tags t where t.post_id = old.id and old.visibility = 'public' and old.uri is null;
    end if;
    return old;
end $$;

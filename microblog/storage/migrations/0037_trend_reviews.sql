-- Decisions of moderators about hashtags, and about posts and links that trend. Columns that are null or have a constant default, and new
-- tables: no rewrite, and the previous release can serve meanwhile, without looking at them.

alter table tags
    add column usable boolean not null default true,  -- people here may use it in posts
    add column listable boolean not null default true,  -- it is found by search and autocomplete
    add column trendable boolean,  -- it may trend; null: nobody has decided
    add column reviewed_at timestamptz;  -- when a moderator last decided anything of this

-- Whether a post may trend.
create table reviewed_posts (
    post_id bigint primary key references posts on delete cascade,
    approved boolean not null,
    reviewed_at timestamptz not null
);

-- Whether a link may trend.
create table reviewed_links (
    card_id bigint primary key references cards on delete cascade,
    approved boolean not null,
    reviewed_at timestamptz not null
);

-- Cached lists of trends, and pages that show some, depend on the key `trends`; found hashtags on h<xy>, see 0008_hashtag_counts.sql. A name
-- is on cached posts everywhere, and seldom changes.
create function invalidate_reviewed_tag() returns trigger language plpgsql as $$
begin
    perform invalidate(case when old.name <> new.name then '{*}'::text[] else array['trends', 'h' || left(new.key, 2)] end);
    return null;
end $$;
create trigger invalidate_reviewed after update on tags for each row
    when ((old.name, old.usable, old.listable, old.trendable) is distinct from (new.name, new.usable, new.listable, new.trendable))
    execute function invalidate_reviewed_tag();
create function invalidate_trends() returns trigger language plpgsql as $$
begin
    perform invalidate('{trends}');
    return null;
end $$;
create trigger invalidate_trends after insert or update or delete on reviewed_posts for each statement execute function invalidate_trends();
create trigger invalidate_trends after insert or update or delete on reviewed_links for each statement execute function invalidate_trends();

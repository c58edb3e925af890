-- Statistics: one row for each day, zone and measure. They must come out the same whenever they are counted again, although posts are
-- deleted and edited, favourites undone, accounts erased and letters swept. So whatever is counted and then goes away leaves a trace: what
-- it was, when and whose, never what it said.
-- Chosen (2026-11): triggers. The trace is written in the very transaction that takes the thing away, whoever wrote the statement, cascades
-- included; what is still there costs nothing. Instead of: a row beside each post and favourite, which doubles what everybody writes in
-- order to remember what few take back; calls in the code, of which the first one forgotten makes days wrong that nobody can count again.
create table statistics (
    zone text not null,  -- UTC, or the site's: where its midnight is
    day date not null,
    measure text not null,
    value bigint not null,
    detail jsonb not null default '[]',  -- of what has names: the first of a ranking
    primary key (zone, day, measure)
);

create table traces (
    kind text not null check (kind in ('account', 'post', 'reply', 'boost', 'favourite', 'follow', 'tag', 'mail.sent', 'mail.failed')),
    at timestamptz not null,
    account_id bigint,  -- who did it: a number, nothing refers to it
    subject_id bigint,  -- the post, or who is followed
    tag_id bigint,
    public boolean not null default false  -- whether everybody could see the post
);
create index traces_by_time on traces (at);  -- the count of a day

-- Who was here on which day of UTC, and between when and when. A day of another zone covers the beginning or the end of one of UTC, or all
-- of it; so the first and the last visit tell whether somebody was here in it.
create table visits (
    day date not null,
    account_id bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (day, account_id)  -- the count of a day
) with (fillfactor = 80);

-- How many live connections a process had at once, at most, in a quarter of an hour: every zone's midnight begins one.
create table crowds (
    slot timestamptz not null,
    process text not null,
    peak integer not null,
    primary key (slot, process)  -- the count of a day
);

create index posts_by_time on posts using brin (created_at) with (pages_per_range = 32, autosummarize = on);  -- the count of a day
create index accounts_by_time on accounts (created_at);  -- the count of a day

-- Since when a post carries the tag, where an edit put it on. Null: since it was published.
alter table post_tags add column used_at timestamptz;

create function trace_accounts() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id) select 'account', created_at, id from gone;
    return null;
end $$;
create trigger trace_accounts after delete on accounts referencing old table as gone for each statement execute function trace_accounts();

create function trace_follows() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id, subject_id) select 'follow', created_at, follower_id, followee_id from gone;
    return null;
end $$;
create trigger trace_follows after delete on follows referencing old table as gone for each statement execute function trace_follows();

-- Where the post goes too it is gone already, and has seen to its favourites and tags itself.
create function trace_favourites() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id, subject_id, public)
    select 'favourite', g.created_at, g.account_id, g.post_id, p.visibility = 'public' from gone g join posts p on p.id = g.post_id;
    return null;
end $$;
create trigger trace_favourites after delete on favourites referencing old table as gone for each statement execute function trace_favourites();

create function trace_tags() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id, subject_id, tag_id, public)
    select 'tag', coalesce(g.used_at, p.created_at), p.account_id, g.post_id, g.tag_id, true
    from gone g join posts p on p.id = g.post_id where p.visibility = 'public';
    return null;
end $$;
create trigger trace_tags after delete on post_tags referencing old table as gone for each statement execute function trace_tags();

-- Before the post goes, because what refers to it must still be there. A boost whose original went first was seen to by that one.
create function trace_post() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id, subject_id, public)
    select 'boost', old.created_at, old.account_id, o.id, o.visibility = 'public' from posts o where o.id = old.boost_of;
    if old.boost_of is null then
        insert into traces (kind, at, account_id, subject_id, public)
        select case when old.thread_id <> old.id then 'reply' else 'post' end, old.created_at, old.account_id, old.id, old.visibility = 'public'
        union all
        select 'boost', b.created_at, b.account_id, old.id, old.visibility = 'public' from posts b where b.boost_of = old.id
        union all
        select 'favourite', f.created_at, f.account_id, old.id, old.visibility = 'public' from favourites f where f.post_id = old.id;
        insert into traces (kind, at, account_id, subject_id, tag_id, public)
        select 'tag', coalesce(t.used_at, old.created_at), old.account_id, old.id, t.tag_id, true
        from post_tags t where t.post_id = old.id and old.visibility = 'public';
    end if;
    return old;
end $$;
create trigger trace_post before delete on posts for each row execute function trace_post();

create function trace_letter() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at)
    values (case when new.state in ('sent', 'kept') then 'mail.sent' else 'mail.failed' end, coalesce(new.settled_at, now()));
    return null;
end $$;
create trigger trace_letter_written after insert on letters for each row
    when (new.state in ('sent', 'kept', 'refused', 'failed')) execute function trace_letter();
create trigger trace_letter_settled after update of state on letters for each row
    when (new.state in ('sent', 'kept', 'refused', 'failed') and new.state is distinct from old.state) execute function trace_letter();

create function note_visit(who bigint, at timestamptz) returns void language sql as $$
    insert into visits as v (day, account_id, first_at, last_at) values ((at at time zone 'UTC')::date, who, at, at)
    on conflict (day, account_id) do update set first_at = least(v.first_at, excluded.first_at), last_at = greatest(v.last_at, excluded.last_at)
$$;

create function visit_by_browser() returns trigger language plpgsql as $$
begin
    perform note_visit(new.account_id, new.seen_at);
    return null;
end $$;
create trigger visit_by_browser after insert or update of seen_at on sessions for each row execute function visit_by_browser();

create function visit_by_app() returns trigger language plpgsql as $$
begin
    perform note_visit(new.account_id, new.used_at);
    return null;
end $$;
create trigger visit_by_app after update of used_at on tokens for each row
    when (new.account_id is not null and new.used_at is not null) execute function visit_by_app();

-- The statistics are for everybody, so they count only what everybody may see: a trace says whether that was so.
-- Of older traces it is not known: they count as they were counted.
alter table traces add column open boolean not null default true;

create or replace function trace_favourites() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id, subject_id, public, open)
    select 'favourite', g.created_at, g.account_id, g.post_id, p.visibility = 'public', p.visibility in ('public', 'unlisted')
    from gone g join posts p on p.id = g.post_id;
    return null;
end $$;

create or replace function trace_post() returns trigger language plpgsql as $$
begin
    insert into traces (kind, at, account_id, subject_id, public, open)
    select 'boost', old.created_at, old.account_id, o.id, o.visibility = 'public', old.visibility in ('public', 'unlisted')
    from posts o where o.id = old.boost_of;
    if old.boost_of is null then
        insert into traces (kind, at, account_id, subject_id, public, open)
        select case when old.thread_id <> old.id then 'reply' else 'post' end, old.created_at, old.account_id, old.id,
               old.visibility = 'public', old.visibility in ('public', 'unlisted')
        union all
        select 'boost', b.created_at, b.account_id, old.id, old.visibility = 'public', b.visibility in ('public', 'unlisted')
        from posts b where b.boost_of = old.id
        union all
        select 'favourite', f.created_at, f.account_id, old.id, old.visibility = 'public', old.visibility in ('public', 'unlisted')
        from favourites f where f.post_id = old.id;
        insert into traces (kind, at, account_id, subject_id, tag_id, public)
        select 'tag', coalesce(t.used_at, old.created_at), old.account_id, old.id, t.tag_id, true
        from post_tags t where t.post_id = old.id and old.visibility = 'public';
    end if;
    return old;
end $$;

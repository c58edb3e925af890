-- Replies that not everybody may see do not count; neither do boosts for followers alone of what everybody may see.
create temporary table miscounted on commit drop as
select distinct reply_to as post_id from posts where reply_to is not null and visibility in ('private', 'direct')
union
select distinct boost_of from posts where boost_of is not null and visibility in ('private', 'direct');

select from post_counts where post_id in (select post_id from miscounted) order by post_id for no key update;

update post_counts n
set replies = (select count(*) from posts r
               where r.reply_to = n.post_id and r.deleted_at is null and r.visibility in ('public', 'unlisted')),
    boosts = (select count(*) from posts b join posts p on p.id = b.boost_of
              where b.boost_of = n.post_id and b.deleted_at is null
              and (b.visibility in ('public', 'unlisted') or p.visibility not in ('public', 'unlisted')))
where n.post_id in (select post_id from miscounted);

-- The same for tags: the order of a list must not tell of them. The regular count keeps it so.
update tags t set uses = n.uses from (
    select h.tag_id, (select count(*) from post_tags u join posts p on p.id = u.post_id
                      where u.tag_id = h.tag_id and p.visibility in ('public', 'unlisted') and p.deleted_at is null) as uses
    from (select distinct u.tag_id from post_tags u join posts p on p.id = u.post_id
          where p.visibility in ('private', 'direct')) h) n
where t.id = n.tag_id and t.uses <> n.uses;

-- Finding tags and people, however many there are.

-- How often a tag was used, about: counted now and then by a job, so that posts with the same tag need not wait for each other.
alter table tags add column uses integer not null default 0;
update tags t set uses = n.uses from (select tag_id, count(*) as uses from post_tags group by tag_id) n where n.tag_id = t.id;
create index tags_completion on tags (key text_pattern_ops) include (uses);  -- completion, without a look at the rows
drop index tags_prefix;

-- A part of a name is found by its groups of three letters where PostgreSQL has them, else among all accounts.
do $$
begin
    create extension if not exists pg_trgm;
    create index accounts_usernames on accounts using gin (lower(username) gin_trgm_ops);  -- search
    create index accounts_names on accounts using gin (lower(display_name) gin_trgm_ops);  -- the same
exception when insufficient_privilege or undefined_file or feature_not_supported or undefined_object then
    raise notice 'people are searched for without pg_trgm';
end $$;

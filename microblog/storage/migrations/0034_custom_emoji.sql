-- Custom emoji of this site: rows of `emojis` without a host. They are looked up when a text is read, so posts and accounts know none of
-- theirs. No rewrite of a table. The previous release can serve meanwhile: it shows their codes as text.

alter table emojis
    alter column url drop not null,  -- of other servers only
    add column file text,  -- of this site only: names of the picture, and of its first frame as PNG
    add column still text,
    add column bytes integer,  -- of both files
    add column category text not null default '',
    add column is_listed boolean not null default true,  -- in pickers
    add column disabled_at timestamptz,
    add constraint emojis_have_pictures check (case when host is null then num_nonnulls(file, still) = 2 else url is not null end);
create unique index emojis_of_this_site on emojis (lower(shortcode)) where host is null;  -- unique without regard to case; lists
create index emojis_by_name on emojis (((lower(shortcode) || '@' || coalesce(host, '')) collate "C"));  -- lists of all servers
create index emojis_by_file on emojis (file) where file is not null;  -- which files are used
create index emojis_by_still on emojis (still) where still is not null;

-- What shows an emoji is not known, so a change of one empties all caches. Administrators change them, and rarely.
create trigger invalidate_inserted after insert on emojis for each row when (new.host is null) execute function invalidate_everything();
create trigger invalidate_updated after update on emojis for each row when (new.host is null) execute function invalidate_everything();
create trigger invalidate_deleted after delete on emojis for each row when (old.host is null) execute function invalidate_everything();

-- Media, custom emoji and profile images of other servers. Attachments of their posts become rows of `media`, which know where the file is;
-- copies of the files are made when somebody looks at them, and are deleted when the space is needed. No rewrite of a table. The previous
-- release can serve meanwhile: it reads the new rows as attachments without files.

alter table media
    add column remote_url text,  -- address of the file on another server; null: it was uploaded here
    add column remote_preview_url text,  -- of a still picture of it, if its server has one
    add column remote_key text;  -- part of the address here, if not everybody may see the post

-- What 0016_remote_posts.sql kept apart, and the links that stood for it in the text.
insert into media (id, account_id, post_id, place, kind, state, width, height, blurhash, description, focus_x, focus_y, created_at, remote_url,
                   remote_preview_url, remote_key)
select new_id(p.created_at), p.account_id, p.id, r.place,
       case when coalesce(nullif(r.media_type, ''), lower(r.kind)) like 'video%' then 'video'
            when coalesce(nullif(r.media_type, ''), lower(r.kind)) like 'audio%' then 'audio' else 'image' end,
       'ready', nullif(r.width, 0), nullif(r.height, 0), r.blurhash, r.description, r.focus_x, r.focus_y, p.created_at, r.url, r.preview_url,
       case when p.visibility not in ('public', 'unlisted') then replace(gen_random_uuid()::text, '-', '') end
from remote_media r join posts p on p.id = r.post_id where r.kind <> 'Link' and p.deleted_at is null;
update posts set html = regexp_replace(html, '<p class="attachment-links">.*</p>$', '')
where uri is not null and html like '%<p class="attachment-links">%';
drop table remote_media;

-- Custom emoji. A post or account knows those in it: a list of [shortcode, id]; null: none.
create table emojis (
    id bigint generated always as identity primary key,
    shortcode text not null,
    host text,  -- of those who write it; null: this site
    url text not null,  -- address of the picture
    updated_at timestamptz,  -- as its server says
    created_at timestamptz not null
);
create unique index emojis_by_shortcode on emojis (shortcode, host) nulls not distinct;  -- look-up by name; unique
alter table posts add column emojis jsonb;
alter table revisions add column emojis jsonb;
alter table accounts add column emojis jsonb;

-- Copies of files of other servers. A row is written before a file is, so that no file is forgotten.
create table remote_files (
    id bigint generated always as identity primary key,
    stem text not null unique,  -- beginning of the names of its files
    kind text not null check (kind in ('media', 'preview', 'emoji', 'avatar', 'header')),
    media_id bigint references media on delete set null,
    emoji_id bigint references emojis on delete set null,
    account_id bigint references accounts on delete set null,
    original text,  -- file names; null until it is fetched
    preview text,
    bytes bigint not null default 0,
    lease_until timestamptz,  -- until then, a process fetches it
    retry_at timestamptz,  -- after a failure: not fetched again before
    is_missing boolean not null default false,  -- the failure was that there is no such file, or none that can be shown
    problem text not null default '',
    used_at timestamptz not null,  -- about when somebody looked at it
    -- Without what it is a copy of, its files are deleted, and then the row.
    check (num_nonnulls(media_id, emoji_id, account_id) <= 1)
);
create unique index remote_files_of_media on remote_files (media_id, kind) where media_id is not null;  -- look-up; unique; foreign key
create unique index remote_files_of_emojis on remote_files (emoji_id) where emoji_id is not null;  -- look-up; unique; foreign key
create unique index remote_files_of_accounts on remote_files (account_id, kind) where account_id is not null;  -- look-up; unique; foreign key
create index remote_files_unused on remote_files (id)
    where media_id is null and emoji_id is null and account_id is null;  -- files to delete
-- What goes first when space is needed, and what is too old: files that are fetched again when they are looked at, and after them profile
-- images, which are not.
create index remote_files_by_use on remote_files ((kind in ('avatar', 'header')), used_at);

-- The bytes of all copies, kept by triggers.
create table remote_files_size (
    is_only boolean primary key default true check (is_only),
    bytes bigint not null
) with (fillfactor = 50);
insert into remote_files_size (bytes) values (0);
create function count_remote_files() returns trigger language plpgsql as $$
begin
    update remote_files_size set bytes = bytes + coalesce(new.bytes, 0) - coalesce(old.bytes, 0);
    return null;
end $$;
create trigger count_inserted after insert on remote_files for each row when (new.bytes <> 0) execute function count_remote_files();
create trigger count_updated after update on remote_files for each row
    when (new.bytes <> old.bytes) execute function count_remote_files();
create trigger count_deleted after delete on remote_files for each row when (old.bytes <> 0) execute function count_remote_files();
alter table remote_files enable always trigger count_inserted, enable always trigger count_updated, enable always trigger count_deleted;

-- What the copies of an actor's images were made from, or were tried to: another address is fetched anew.
alter table remote_actors
    add column avatar_copied_url text,
    add column header_copied_url text;

-- The planner knows nothing of new columns until autovacuum comes by.
analyze media (remote_url);

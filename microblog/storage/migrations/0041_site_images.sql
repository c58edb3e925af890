-- Pictures of the site: logo, icon and thumbnail. A new table: the previous release serves meanwhile, without looking at it.

create table site_images (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('logo', 'icon', 'thumbnail')),
    file text not null unique,  -- its name; also which files are used. One row for each size of a picture
    width integer not null,
    height integer not null,
    blurhash text not null,
    created_at timestamptz not null
);

-- They are on every page, and whether their files may be served is cached. Administrators change them, and rarely.
create trigger invalidate_inserted after insert on site_images for each statement execute function invalidate_everything();
create trigger invalidate_deleted after delete on site_images for each statement execute function invalidate_everything();

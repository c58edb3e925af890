-- The size of the media of this site, as counted once a day. A new table: the previous release serves meanwhile, without looking at it.

create table stored_media (
    id boolean primary key default true check (id),  -- one row
    files bigint not null,
    bytes bigint not null,
    counted_at timestamptz not null
);

-- What administrators set on pages: the site's settings, its rules, and announcements that are not published yet. The previous release
-- serves meanwhile, without looking at them.

-- Values of settings by name, as JSON. A setting without a row has its default.
create table site_settings (
    name text primary key,
    value jsonb not null,
    updated_at timestamptz not null
);

-- Rules of the site. Deleted ones are kept, because reports refer to them. Small ids are those of rules from a file, by line.
create table rules (
    id bigint generated always as identity (start with 1001) primary key,
    text text not null,
    hint text not null default '',
    position bigint not null,  -- order in the list; of the rules that are not deleted
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz
);

-- The ids of the rules that a report names, in the order of their texts in `rules`. Empty for reports from before.
alter table reports add column rule_ids bigint[] not null default '{}';

-- Announcements that are not published (yet). Published ones are rows of `announcements`, which the previous release shows to everybody.
create table announcement_drafts (
    id bigint primary key,
    text text not null,
    starts_at timestamptz,
    ends_at timestamptz,
    all_day boolean not null default false,
    scheduled_at timestamptz,  -- when a job publishes it; null: not before an administrator does
    email boolean not null default false,  -- mail it to all users when it is published
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- Personal domain blocks have an effect, reports go to other servers and come from there, accounts of other servers are suspended (also by
-- their own server) and emptied, and followers are compared with those that their servers know.

create index accounts_by_uri_host on accounts (lower(split_part(uri, '/', 3))) where uri is not null;  -- followers of one server
create index accounts_by_host on accounts (host) where host is not null;  -- accounts of a blocked domain

alter table remote_actors
    add column followers_checked_at timestamptz,  -- when its list of followers was last read, because its digest differed
    add column suspended_by_host boolean not null default false;

alter table reports
    add column uuid uuid not null default gen_random_uuid(),  -- of the address that other servers know it by
    add column activity_uri text;  -- of a report that came from another server
create unique index reports_by_uuid on reports (uuid);  -- look-up of a report that was sent
create unique index reports_by_activity on reports (activity_uri) where activity_uri is not null;  -- the same report is stored once

-- The posts and people that a viewer sees.
create trigger invalidate_inserted after insert on domain_blocks referencing new table as changed_rows for each statement
    execute function invalidate_viewer();
create trigger invalidate_deleted after delete on domain_blocks referencing old table as changed_rows for each statement
    execute function invalidate_viewer();

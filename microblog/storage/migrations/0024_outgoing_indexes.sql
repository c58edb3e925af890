-- Two statements of federation read more, the more there was that did not concern them. A host for which much waits: each claim looked
-- through all of it for what is tried again later, and each release for what is due next. A member with many followers here: each post
-- looked through them for those elsewhere. Indexes only: the previous release can serve meanwhile.

create index deliveries_by_due_time on deliveries (host, due_at);  -- what is tried again later, and when a host is due
create index follows_from_elsewhere on follows (followee_id) where activity_uri is not null;  -- followers on other servers

-- The planner's statistics of the new columns. Without any it expects one row in 200 to have no host or uri, where nearly all have none,
-- and reads whole tables for the suggested accounts of a home page, until autovacuum comes by.

analyze accounts (host, uri, url);
analyze posts (uri, url, arrived_at);

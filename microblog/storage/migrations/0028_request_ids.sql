-- The id of the request that caused a job, directly or through another job, for the log.
--
-- Transactions of a request or job have the application name "microblog ID" (storage/database.py), so every statement that inserts a job
-- records it. Rows that the previous release inserts have none. The default of a new column is computed once here: no row is rewritten.
alter table jobs add column request_id text default substring(current_setting('application_name') from '^microblog ([A-Za-z0-9-]+)$');

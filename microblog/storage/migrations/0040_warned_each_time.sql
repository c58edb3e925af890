-- Each warning is told, not only the first one. In a step of its own, so that the column's lock is not held while the index is built.
create index notifications_by_warning on notifications (warning_id) where warning_id is not null;  -- foreign key; what a warning says
create unique index notifications_told_once
    on notifications (account_id, kind, from_account_id, post_id, report_id, warning_id) nulls not distinct;
drop index notifications_once;

-- Claims by kind. Each worker claims some kinds only. By the index of all waiting jobs, in the order in which they are due, it went past
-- every waiting job of other kinds at each look: 40 ms with 50,000 e-mails that wait for the mail server. The previous release can claim
-- by the new index too.

create index jobs_due_by_kind on jobs (kind, due_at, id) where state = 'waiting';  -- claim; when the next job is due
drop index jobs_due;

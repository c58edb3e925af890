-- Failed jobs by id. They are few among the jobs that were done; the page of failed jobs and the numbers in metrics read past all of those.

create index jobs_failed on jobs (id) where state = 'dead';  -- the page of failed jobs; numbers of jobs

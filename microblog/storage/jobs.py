"""Jobs and timer runs: jobs are inserted in the transaction that causes them, and claimed under a lease.

Each claim counts as a try, so (worker, tries) identifies the claim: a worker that lost its lease to another can no longer finish the job.
Jobs of one (kind, key) are the same work: two unique indexes allow one waiting and one running job at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from psycopg2 import errors as pg

from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobCounts, JobState
from microblog.model.paging import Page
from microblog.storage.database import Cursor, Prepared, execute, fetch_all, fetch_one, fetch_value, suppress_wakeup
from microblog.storage.paging import bounds, directed, page_sql

COLUMNS = """j.id, j.kind, j.payload, j.tries, j.state, j.due_at, j.created_at, j.lease_until, j.last_error, j.key, j.worker,
    j.finished_at, j.request_id"""
MAX_ERROR_LENGTH = 2000  # characters
MAX_LOCKED_ELSEWHERE = 64  # due jobs of a kind that other workers may be claiming at the same moment

# A waiting job is not claimed while another of its key runs: that one may fail, and two must never run at once.
_KEY_NOT_RUNNING = """(j.key is null or not exists (
    select from jobs r where r.kind = j.kind and r.key = j.key and r.state = 'running'))"""
_IS_CLAIMED = "id = %(id)s and state = 'running' and worker = %(worker)s and tries = %(tries)s"


def job_from(*columns: Any) -> Job:
    """Build a job from a row's COLUMNS."""
    id, kind, payload, tries, state, *rest = columns
    return Job(JobId(id), kind, payload, tries, JobState(state), *rest)


def add(
    cursor: Cursor,
    kind: str,
    payload: Mapping[str, object],
    *,
    due_at: datetime,
    now: datetime,
    key: str | None = None,
) -> JobId | None:
    """Insert the job in the transaction that causes it. Return None if a job with this key is already waiting: that one does the work."""
    return fetch_one(
        cursor,
        JobId,
        _ADD,
        {"kind": kind, "key": key, "payload": orjson.dumps(payload).decode(), "due_at": due_at, "now": now},
    )


_ADD = Prepared("""insert into jobs (id, kind, key, payload, due_at, created_at)
           values (new_id(%(now)s), %(kind)s, %(key)s, %(payload)s, %(due_at)s, %(now)s)
           on conflict (kind, key) where state = 'waiting' and key is not null do nothing
           returning id""")


def next_due(cursor: Cursor, *, kinds: Sequence[str]) -> datetime | None:
    """Return when the next job can be claimed: a waiting job is due, or a lease expires. None if there is none."""
    return fetch_value(  # type: ignore[no-any-return]  # a column of type timestamptz
        cursor,
        _NEXT_DUE,
        {"kinds": list(kinds)},
    )


# When the next job of %(kinds)s can be claimed. Each kind by itself, so that waiting jobs of other kinds are not read.
NEXT_DUE = (
    """select least(
        (select min(next.due_at) from unnest(%(kinds)s::text[]) mine (kind) cross join lateral (
            select j.due_at from jobs j where j.state = 'waiting' and j.kind = mine.kind and """
    + _KEY_NOT_RUNNING
    + """ order by j.due_at limit 1) next),
        (select min(lease_until) from jobs where state = 'running' and kind = any(%(kinds)s::text[])))"""
)
_NEXT_DUE = Prepared(NEXT_DUE)


# Waiting jobs that are due before %(soon)s and can be claimed.
DUE_SOON = (
    "select j.due_at from jobs j where j.state = 'waiting' and j.kind = any(%(kinds)s::text[]) and j.due_at < %(soon)s::timestamptz and "
    + _KEY_NOT_RUNNING
)


def claim(cursor: Cursor, *, kinds: Sequence[str], worker: str, lease_until: datetime, now: datetime, limit: int) -> list[Job]:
    """Claim up to `limit` jobs: first those with an expired lease (their worker died), then those that are due.

    No two claims get the same job, and no job is claimed while another of its key runs.
    """
    suppress_wakeup(cursor)
    claimed = fetch_all(
        cursor,
        job_from,
        _CLAIM,
        {"kinds": list(kinds), "worker": worker, "lease_until": lease_until, "now": now, "limit": limit},
    )
    return sorted(claimed, key=lambda job: (job.due_at, job.id))


def claim_and_look(
    cursor: Cursor, *, kinds: Sequence[str], worker: str, lease_until: datetime, now: datetime, limit: int
) -> tuple[list[Job], datetime | None]:
    """Claim jobs as `claim` does, and return with them when the next one is due."""
    claimed = claim(cursor, kinds=kinds, worker=worker, lease_until=lease_until, now=now, limit=limit)
    return claimed, next_due(cursor, kinds=kinds)


# Candidates are read kind by kind, and locked in the order in which they are due, until there are enough. There are more of them than the
# limit, because other workers may hold locks on some.
_CLAIM = Prepared(
    """with expired as materialized (
               -- Running jobs whose lease has expired.
               select id from jobs where state = 'running' and lease_until < %(now)s and kind = any(%(kinds)s::text[])
               order by lease_until limit %(limit)s for update skip locked),
           -- Waiting jobs that are due.
           candidates as materialized (
               select first.id, first.due_at from unnest(%(kinds)s::text[]) mine (kind) cross join lateral (
                   select j.id, j.due_at from jobs j where j.state = 'waiting' and j.due_at <= %(now)s and j.kind = mine.kind and """
    + _KEY_NOT_RUNNING
    + f""" order by j.due_at, j.id limit %(limit)s + {MAX_LOCKED_ELSEWHERE}) first
               order by first.due_at, first.id),
           due as materialized (
               select j.id from candidates c cross join lateral (
                   select w.id from jobs w where w.id = c.id and w.state = 'waiting' for update skip locked) j limit %(limit)s),
           -- Claim them, expired ones first.
           chosen as (select id from expired union all select id from due limit %(limit)s)
           update jobs j set state = 'running', tries = tries + 1, worker = %(worker)s, lease_until = %(lease_until)s, started_at = %(now)s
           from chosen where j.id = chosen.id returning """
    + COLUMNS
)


def heartbeat(cursor: Cursor, *, jobs: Sequence[Job], worker: str, lease_until: datetime) -> set[JobId]:
    """Extend the leases of this worker's jobs. Jobs missing from the result were claimed by another worker."""
    suppress_wakeup(cursor)
    return set(
        fetch_all(
            cursor,
            JobId,
            """update jobs j set lease_until = %(lease_until)s
               from unnest(%(ids)s::bigint[], %(tries)s::integer[]) as claimed (id, tries)
               where j.id = claimed.id and j.tries = claimed.tries and j.state = 'running' and j.worker = %(worker)s
               returning j.id""",
            {
                "ids": [job.id for job in jobs],
                "tries": [job.tries for job in jobs],
                "worker": worker,
                "lease_until": lease_until,
            },
        )
    )


def finish(cursor: Cursor, job: Job, *, worker: str, now: datetime) -> bool:
    """Mark the job as done. Return False if it is no longer this worker's."""
    if job.key is None:  # with a key, another job of the same key may become claimable now
        suppress_wakeup(cursor)
    return finish_within(cursor, job, worker=worker, now=now)


def finish_within(cursor: Cursor, job: Job, *, worker: str, now: datetime) -> bool:
    """Mark the job as done in the transaction of its work. Return False if it is no longer this worker's: then undo the work."""
    return _changed(cursor, _FINISH, {**_claim_params(job, worker), "now": now})


_FINISH = Prepared("update jobs set state = 'done', finished_at = %(now)s, lease_until = null where " + _IS_CLAIMED)


def fail(cursor: Cursor, job: Job, *, worker: str, error: str, retry_at: datetime | None, now: datetime) -> bool:
    """Record a failed attempt: retry at `retry_at`, or give up if None. Return False if the job is no longer this worker's.

    If another job of the same key is waiting, that one is the retry, and this one counts as done.
    """
    params = {**_claim_params(job, worker), "error": _cleaned(error), "retry_at": retry_at, "now": now}
    if retry_at is not None and _set_waiting(
        cursor,
        """update jobs set state = 'waiting', due_at = %(retry_at)s, last_error = %(error)s, lease_until = null, worker = null
           where """
        + _IS_CLAIMED,
        params,
    ):
        return True
    return _changed(
        cursor,
        """update jobs set state = case when %(retry_at)s::timestamptz is null then 'dead' else 'done' end, finished_at = %(now)s,
               last_error = %(error)s, lease_until = null where """
        + _IS_CLAIMED,
        params,
    )


def release(cursor: Cursor, job: Job, *, worker: str, now: datetime) -> bool:
    """Return a claimed job to the queue. It does not count as an attempt."""
    params = {**_claim_params(job, worker), "now": now}
    return _set_waiting(
        cursor,
        "update jobs set state = 'waiting', tries = tries - 1, lease_until = null, worker = null where " + _IS_CLAIMED,
        params,
    ) or _changed(
        cursor,
        "update jobs set state = 'done', finished_at = %(now)s, lease_until = null where " + _IS_CLAIMED,
        params,
    )


def delete_old(cursor: Cursor, *, since: datetime, before: datetime, limit: int) -> datetime | None:
    """Delete at most `limit` jobs that were done before that time and not before `since`, the oldest first. Failed ones stay.

    Return when the newest of them was done if there may be more, else None.
    """
    until: datetime | None = fetch_value(
        cursor,
        """with deleted as (
               delete from jobs where ctid = any(array(
                   select ctid from jobs where state = 'done' and finished_at >= %(since)s and finished_at < %(before)s
                   order by finished_at limit %(limit)s))
               returning finished_at)
           select max(finished_at) from deleted having count(*) = %(limit)s""",
        {"since": since, "before": before, "limit": limit},
    )
    return until


# Each state has an index of its own. A condition for several states would read the jobs that are done too.
_NOT_DONE = """(select kind, state, tries, due_at from jobs where state = 'waiting'
    union all select kind, state, tries, due_at from jobs where state = 'running'
    union all select kind, state, tries, due_at from jobs where state = 'dead') j"""


def counts(cursor: Cursor) -> JobCounts:
    """Count the jobs of all kinds by state."""
    found = fetch_one(
        cursor,
        JobCounts,
        """select count(*) filter (where state = 'waiting'), count(*) filter (where state = 'running'),
                  count(*) filter (where state = 'waiting' and tries > 0), count(*) filter (where state = 'dead'),
                  min(due_at) filter (where state = 'waiting')
           from """
        + _NOT_DONE,
    )
    return found or JobCounts()


def counts_by_kind(cursor: Cursor) -> dict[str, JobCounts]:
    """Count the jobs of each kind by state."""
    return dict(
        fetch_all(
            cursor,
            lambda kind, *numbers: (kind, JobCounts(*numbers)),
            """select kind, count(*) filter (where state = 'waiting'), count(*) filter (where state = 'running'),
                      count(*) filter (where state = 'waiting' and tries > 0), count(*) filter (where state = 'dead'),
                      min(due_at) filter (where state = 'waiting')
               from """
            + _NOT_DONE
            + " group by kind order by kind",
        )
    )


def page_of(cursor: Cursor, *, state: JobState, page: Page, retrying: bool = False, kind: str | None = None) -> list[Job]:
    """Return the jobs in this state, newest first, optionally only those that failed before, or of one kind."""
    rows = fetch_all(
        cursor,
        job_from,
        page_sql(
            f"""select {COLUMNS} from jobs j
                where j.state = %(state)s and (not %(retrying)s or j.tries > 0)
                    and (%(kind)s::text is null or j.kind = %(kind)s) and j.id < %(max_id)s and j.id > %(min_id)s
                order by j.id desc limit %(limit)s""",
            page,
        ),
        {"state": state, "retrying": retrying, "kind": kind, **bounds(page)},
    )
    return directed(page, rows)


def by_id(cursor: Cursor, *, id: int) -> Job | None:
    """Return the job with this id."""
    return fetch_one(cursor, job_from, f"select {COLUMNS} from jobs j where j.id = %(id)s", {"id": id})


def retry(cursor: Cursor, *, id: int, now: datetime) -> bool:
    """Retry a failed or waiting job now and reset its number of attempts. Return False if it is neither."""
    return _set_waiting(
        cursor,
        """update jobs set state = 'waiting', due_at = %(now)s, tries = 0, finished_at = null, worker = null
           where id = %(id)s and state in ('dead', 'waiting')""",
        {"id": id, "now": now},
    )


def discard(cursor: Cursor, *, id: int) -> bool:
    """Delete a failed or waiting job. Return False if it is neither."""
    return _changed(cursor, "delete from jobs where id = %(id)s and state in ('dead', 'waiting')", {"id": id})


def record_run(cursor: Cursor, timer: str, tick: datetime) -> bool:
    """Record a run of the timer. True for only one transaction among all processes."""
    return _changed(
        cursor,
        "insert into timer_runs (timer, tick) values (%(timer)s, %(tick)s) on conflict do nothing",
        {"timer": timer, "tick": tick},
    )


def last_run(cursor: Cursor, timer: str, *, until: datetime) -> datetime | None:
    """Return the timer's newest recorded run that is not after `until`."""
    return fetch_value(  # type: ignore[no-any-return]  # a column of type timestamptz
        cursor, "select max(tick) from timer_runs where timer = %(timer)s and tick <= %(until)s", {"timer": timer, "until": until}
    )


def delete_old_runs(cursor: Cursor, *, before: datetime, limit: int) -> int:
    """Delete at most `limit` runs from before that time, except the newest of each timer, which scheduling needs; return their number."""
    return execute(
        cursor,
        """delete from timer_runs where (timer, tick) in (
               select t.timer, t.tick from timer_runs t where t.tick < %(before)s
               and t.tick < (select max(n.tick) from timer_runs n where n.timer = t.timer) limit %(limit)s)""",
        {"before": before, "limit": limit},
    )


def _claim_params(job: Job, worker: str) -> dict[str, object]:
    return {"id": job.id, "worker": worker, "tries": job.tries}


def _set_waiting(cursor: Cursor, sql: str, params: Mapping[str, object]) -> bool:
    """Run an update that sets one job to waiting. Return False, with nothing changed, if another of its key waits or no row matches."""
    execute(cursor, "savepoint set_waiting")
    try:
        updated = execute(cursor, sql, params)
    except pg.UniqueViolation:
        execute(cursor, "rollback to savepoint set_waiting")
        return False
    execute(cursor, "release savepoint set_waiting")
    return updated == 1


def _cleaned(error: str) -> str:
    """Return the text without NUL characters and limited in length."""
    return error.replace("\0", "").encode("utf-8", "replace").decode()[:MAX_ERROR_LENGTH]


def _changed(cursor: Cursor, sql: str, params: Mapping[str, object]) -> bool:
    return execute(cursor, sql, params) > 0

"""The job queue on the real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg2.errors
import pytest

from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobState
from microblog.model.paging import Page
from microblog.storage import jobs
from microblog.storage.database import Cursor, fetch_value

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KIND = "letter"


def add(cursor: Cursor, *, key: str | None = None, due_at: datetime = NOW, kind: str = KIND) -> int | None:
    return jobs.add(cursor, kind, {"to": "ada"}, due_at=due_at, now=NOW, key=key)


def claim(cursor: Cursor, *, worker: str = "w1", now: datetime = NOW, limit: int = 10, kinds: tuple[str, ...] = (KIND,)) -> list[Job]:
    return jobs.claim(cursor, kinds=kinds, worker=worker, lease_until=now + MINUTE, now=now, limit=limit)


def state(cursor: Cursor, id: int | None) -> str:
    assert id is not None
    found = jobs.by_id(cursor, id=id)
    return "gone" if found is None else found.state


def test_a_claimed_job_has_all_values_that_were_added(cursor: Cursor) -> None:
    id = add(cursor, key="k")
    (job,) = claim(cursor)
    assert job == Job(JobId(id or 0), KIND, {"to": "ada"}, 1, JobState.RUNNING, NOW, NOW, lease_until=NOW + MINUTE, key="k", worker="w1")


def test_a_job_is_claimed_only_once(cursor: Cursor) -> None:
    add(cursor)
    assert len(claim(cursor)) == 1
    assert claim(cursor, worker="w2") == []


def test_jobs_are_claimed_when_due_oldest_first_up_to_the_limit(cursor: Cursor) -> None:
    late, early, _future = add(cursor, due_at=NOW), add(cursor, due_at=NOW - MINUTE), add(cursor, due_at=NOW + MINUTE)
    assert [job.id for job in claim(cursor, limit=1)] == [early]
    assert [job.id for job in claim(cursor)] == [late]


def test_a_kind_that_the_worker_does_not_know_waits(cursor: Cursor) -> None:
    id = add(cursor, kind="unheard-of")
    assert claim(cursor) == []
    assert state(cursor, id) == "waiting"


def test_at_most_one_job_per_key_waits_and_one_runs(cursor: Cursor) -> None:
    first = add(cursor, key="k")
    assert add(cursor, key="k") is None
    (running,) = claim(cursor)
    second = add(cursor, key="k")
    assert second is not None
    assert claim(cursor, worker="w2") == []
    assert jobs.finish(cursor, running, worker="w1", now=NOW)
    assert [job.id for job in claim(cursor, worker="w2")] == [second] != [first]


def test_the_same_key_of_another_kind_is_another_job(cursor: Cursor) -> None:
    add(cursor, key="k")
    assert add(cursor, key="k", kind="other") is not None
    assert len(claim(cursor, kinds=(KIND, "other"))) == 2


def test_a_job_whose_lease_ran_out_is_claimed_again_before_others(cursor: Cursor) -> None:
    lost = add(cursor)
    claim(cursor, worker="killed")
    add(cursor, due_at=NOW - MINUTE)
    later = NOW + 2 * MINUTE
    (again,) = claim(cursor, worker="w2", now=later, limit=1)
    assert (again.id, again.tries, again.worker) == (lost, 2, "w2")


def test_a_heartbeat_extends_leases_and_returns_lost_ones(cursor: Cursor) -> None:
    add(cursor)
    add(cursor)
    kept, lost = claim(cursor)
    later = NOW + 2 * MINUTE
    assert jobs.heartbeat(cursor, jobs=[kept], worker="w1", lease_until=later + MINUTE) == {kept.id}
    assert [job.id for job in claim(cursor, worker="w2", now=later)] == [lost.id]
    assert jobs.heartbeat(cursor, jobs=[kept, lost], worker="w1", lease_until=later + MINUTE) == {kept.id}


@pytest.mark.parametrize("same_worker", [True, False])
def test_a_worker_that_lost_the_lease_cannot_finish_the_job(cursor: Cursor, *, same_worker: bool) -> None:
    id = add(cursor)
    (mine,) = claim(cursor)
    claim(cursor, worker="w1" if same_worker else "w2", now=NOW + 2 * MINUTE)
    assert not jobs.finish(cursor, mine, worker="w1", now=NOW)
    assert not jobs.fail(cursor, mine, worker="w1", error="e", retry_at=NOW, now=NOW)
    assert not jobs.fail(cursor, mine, worker="w1", error="e", retry_at=None, now=NOW)
    assert not jobs.release(cursor, mine, worker="w1", now=NOW)
    assert jobs.heartbeat(cursor, jobs=[mine], worker="w1", lease_until=NOW) == set()
    assert state(cursor, id) == "running"


def test_a_failed_job_waits_until_its_next_try(cursor: Cursor) -> None:
    id = add(cursor)
    (job,) = claim(cursor)
    assert jobs.fail(cursor, job, worker="w1", error="no\0 route \ud800", retry_at=NOW + MINUTE, now=NOW)
    assert claim(cursor) == []
    (again,) = claim(cursor, now=NOW + MINUTE)
    assert (again.id, again.tries, again.last_error) == (id, 2, "no route ?")


def test_a_job_without_a_next_try_is_dead_and_stays_until_retried_or_discarded(cursor: Cursor) -> None:
    id = add(cursor)
    (job,) = claim(cursor)
    assert jobs.fail(cursor, job, worker="w1", error="x" * 5000, retry_at=None, now=NOW)
    assert claim(cursor, now=NOW + MINUTE) == []
    (dead,) = jobs.page_of(cursor, state=JobState.DEAD, page=Page())
    assert (dead.id, len(dead.last_error), dead.finished_at) == (id, jobs.MAX_ERROR_LENGTH, NOW)
    jobs.delete_old(cursor, since=NOW - MINUTE, before=NOW + MINUTE, limit=10)
    assert jobs.retry(cursor, id=dead.id, now=NOW)
    (again,) = claim(cursor)
    assert (again.id, again.tries) == (id, 1)
    assert not jobs.discard(cursor, id=again.id)
    jobs.fail(cursor, again, worker="w1", error="", retry_at=None, now=NOW)
    assert jobs.discard(cursor, id=again.id)
    assert state(cursor, id) == "gone"


def test_a_failed_job_is_replaced_by_a_waiting_one_with_its_key(cursor: Cursor) -> None:
    first = add(cursor, key="k")
    (job,) = claim(cursor)
    second = add(cursor, key="k")
    assert jobs.fail(cursor, job, worker="w1", error="refused", retry_at=NOW + MINUTE, now=NOW)
    assert state(cursor, first) == "done"
    assert [job.id for job in claim(cursor)] == [second]


def test_a_dead_job_is_not_retried_while_one_with_its_key_waits(cursor: Cursor) -> None:
    dead = add(cursor, key="k")
    (job,) = claim(cursor)
    jobs.fail(cursor, job, worker="w1", error="", retry_at=None, now=NOW)
    add(cursor, key="k")
    assert dead is not None
    assert not jobs.retry(cursor, id=dead, now=NOW)
    assert state(cursor, dead) == "dead"


def test_a_released_job_waits_with_its_tries_unchanged(cursor: Cursor) -> None:
    id = add(cursor)
    (job,) = claim(cursor)
    assert jobs.release(cursor, job, worker="w1", now=NOW)
    (again,) = claim(cursor, worker="w2")
    assert (again.id, again.tries) == (id, 1)


def test_a_released_job_is_replaced_by_a_waiting_one_with_its_key(cursor: Cursor) -> None:
    id = add(cursor, key="k")
    (job,) = claim(cursor)
    add(cursor, key="k")
    assert jobs.release(cursor, job, worker="w1", now=NOW)
    assert state(cursor, id) == "done"


def test_the_next_due_time_is_of_a_waiting_job_or_an_expiring_lease(cursor: Cursor) -> None:
    assert jobs.next_due(cursor, kinds=[KIND]) is None
    add(cursor, key="k", due_at=NOW + MINUTE)
    add(cursor, kind="other")
    assert jobs.next_due(cursor, kinds=[KIND]) == NOW + MINUTE
    claim(cursor, now=NOW + 2 * MINUTE)
    add(cursor, key="k")
    assert jobs.next_due(cursor, kinds=[KIND]) == NOW + 3 * MINUTE, "a job whose key is running cannot be claimed"


def test_counts_show_the_backlog(cursor: Cursor) -> None:
    for minutes in range(5):
        add(cursor, due_at=NOW - minutes * MINUTE)
    running, retried, dead, done = claim(cursor, limit=4)
    jobs.fail(cursor, retried, worker="w1", error="", retry_at=NOW + MINUTE, now=NOW)
    jobs.fail(cursor, dead, worker="w1", error="", retry_at=None, now=NOW)
    jobs.finish(cursor, done, worker="w1", now=NOW)
    counts = jobs.counts(cursor)
    assert (counts.waiting, counts.running, counts.retrying, counts.dead, counts.oldest_due) == (2, 1, 1, 1, NOW)
    assert jobs.counts_by_kind(cursor) == {KIND: counts}
    assert running.state is JobState.RUNNING


def test_jobs_of_a_state_are_listed_in_pages(cursor: Cursor) -> None:
    ids = [add(cursor) for _ in range(5)]
    newest = jobs.page_of(cursor, state=JobState.WAITING, page=Page(limit=2))
    assert [job.id for job in newest] == ids[:2:-1]
    older = jobs.page_of(cursor, state=JobState.WAITING, page=Page(limit=2, max_id=newest[-1].id))
    assert [job.id for job in older] == [ids[2], ids[1]]
    above = jobs.page_of(cursor, state=JobState.WAITING, page=Page(limit=2, min_id=older[-1].id))
    assert [job.id for job in above] == [ids[3], ids[2]]


def test_cleanup_deletes_old_finished_jobs_in_batches_the_oldest_first(cursor: Cursor) -> None:
    for _ in range(3):
        add(cursor)
    for number, job in enumerate(claim(cursor)):
        jobs.finish(cursor, job, worker="w1", now=NOW + timedelta(seconds=number))
    waiting = add(cursor)
    assert jobs.delete_old(cursor, since=NOW - MINUTE, before=NOW, limit=2) is None
    assert jobs.delete_old(cursor, since=NOW - MINUTE, before=NOW + MINUTE, limit=2) == NOW + timedelta(seconds=1)
    assert jobs.delete_old(cursor, since=NOW + timedelta(seconds=1), before=NOW + MINUTE, limit=2) is None
    assert fetch_value(cursor, "select count(*) from jobs") == 1
    assert state(cursor, waiting) == "waiting"


def test_a_tick_is_recorded_once(cursor: Cursor) -> None:
    assert jobs.record_run(cursor, "midnight", NOW)
    assert not jobs.record_run(cursor, "midnight", NOW)
    assert jobs.record_run(cursor, "noon", NOW)
    assert jobs.last_run(cursor, "midnight", until=NOW) == NOW
    assert jobs.last_run(cursor, "midnight", until=NOW - MINUTE) is None


def test_cleanup_of_ticks_keeps_the_newest_of_each_timer(cursor: Cursor) -> None:
    for minutes in range(3):
        jobs.record_run(cursor, "a", NOW + minutes * MINUTE)
    jobs.record_run(cursor, "b", NOW)
    assert jobs.delete_old_runs(cursor, before=NOW + 10 * MINUTE, limit=10) == 2
    assert fetch_value(cursor, "select array_agg(timer order by timer) from timer_runs") == ["a", "b"]


def test_two_running_jobs_of_one_key_are_impossible_whatever_the_code_does(cursor: Cursor) -> None:
    add(cursor, key="k")
    claim(cursor)
    add(cursor, key="k")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("update jobs set state = 'running' where state = 'waiting'")

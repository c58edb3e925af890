"""Tests of the worker with a fake clock and a database transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from attrs import Factory, define, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import ILogObserver, LogEvent, Logger, LogPublisher, formatEvent, globalLogPublisher

from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Finish, Finishing, Task, Worker
from microblog.logs.context import log_context
from microblog.model.errors import Unavailable
from microblog.model.jobs import Job, JobState, PermanentFailure, RetryLater
from microblog.model.paging import Page
from microblog.storage import jobs
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests.fakes import RolledBackDatabase, result_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@define(eq=False)
class FlakyDatabase:
    """A database that raises Unavailable while `unavailable` is set."""

    inner: RolledBackDatabase
    unavailable: bool = False
    calls: int = 0

    async def run(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.unavailable:
            raise Unavailable
        return await self.inner.run(f, *args, **kwargs)

    async def read(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.unavailable:
            raise Unavailable
        return await self.inner.read(f, *args, **kwargs)


@define(eq=False)
class WorkerFixture:
    """A database, a fake clock, and workers that use them."""

    cursor: Cursor
    clock: Clock = Factory(Clock)
    database: FlakyDatabase = field()
    runs: list[str] = Factory(list)

    @database.default
    def _database(self) -> FlakyDatabase:
        return FlakyDatabase(RolledBackDatabase(self.cursor))

    def now(self) -> datetime:
        return START + timedelta(seconds=self.clock.seconds())

    def worker(
        self, tasks: Mapping[str, Task], *, name: str = "w1", retry_policies: Mapping[str, RetryPolicy] | None = None, **kwargs: Any
    ) -> Worker:
        worker = Worker(self.database, tasks, self.now, self.clock, name, lambda: 0.5, retry_policies or {}, **kwargs)
        worker.start()
        return worker

    def add(self, kind: str, *, after: float = 0, key: str | None = None, **payload: object) -> int:
        due_at = self.now() + timedelta(seconds=after)
        id = jobs.add(self.cursor, kind, payload, due_at=due_at, now=self.now(), key=key)
        assert id is not None
        return id

    def stop(self, worker: Worker) -> None:
        stopped = Deferred.fromCoroutine(worker.stop())
        self.wait(worker.drain + 1)
        assert stopped.called

    def wait(self, seconds: float, step: float = 0.5) -> None:
        self.clock.pump([step] * int(seconds / step))

    def states(self) -> list[str]:
        return fetch_all(self.cursor, str, "select state from jobs order by id")

    async def record(self, job: Job) -> None:
        self.runs.append(str(job.payload.get("name", job.id)))

    async def fail(self, job: Job) -> None:
        self.runs.append("failed")
        raise ValueError("wrong")

    async def hang(self, job: Job) -> None:
        await Deferred()

    async def slow(self, job: Job) -> None:
        seconds = job.payload["seconds"]
        assert isinstance(seconds, int | float)
        await deferLater(self.clock, seconds)
        self.runs.append(str(job.payload.get("name", job.id)))


@pytest.fixture
def fixture(cursor: Cursor) -> WorkerFixture:
    return WorkerFixture(cursor)


def test_a_job_is_done_once_and_stays_in_the_table(fixture: WorkerFixture) -> None:
    fixture.worker({"note": fixture.record})
    fixture.add("note", name="one")
    fixture.wait(60)
    assert fixture.runs == ["one"]
    assert fixture.states() == ["done"]


def test_a_woken_worker_starts_at_once(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"note": fixture.record})
    fixture.wait(1, 0.1)
    fixture.add("note", name="one")
    assert fixture.runs == []
    worker.wake()
    assert fixture.runs == ["one"]


def test_a_task_that_finishes_its_job_needs_one_transaction_after_the_claim(fixture: WorkerFixture) -> None:
    async def work(job: Job, finish: Finish) -> None:
        await fixture.database.run(finish)

    worker = fixture.worker({"work": Finishing(work)}, poll=1000.0)
    fixture.wait(1, 0.1)
    fixture.add("work")
    calls = fixture.database.calls
    worker.checked(fixture.now())
    fixture.wait(1, 0.1)
    assert (fixture.states(), worker.stats.completed) == (["done"], 1)
    assert fixture.database.calls - calls == 2, "claim, and the work with its end"


def test_the_work_of_a_task_that_lost_its_lease_is_undone(fixture: WorkerFixture) -> None:
    async def work(job: Job, finish: Finish) -> None:
        def write(cursor: Cursor) -> None:
            execute(cursor, "insert into timer_runs (timer, tick) values ('work', now())")
            execute(cursor, "update jobs set worker = 'another', tries = tries + 1 where worker = 'w1'")
            finish(cursor)

        await fixture.database.run(write)

    worker = fixture.worker({"work": Finishing(work)}, poll=1000.0)
    fixture.add("work")
    worker.wake()
    fixture.wait(1, 0.1)
    assert fetch_value(fixture.cursor, "select count(*) from timer_runs") == 0
    assert (worker.stats.lease_lost, worker.stats.completed, worker.stats.failed) == (1, 0, 0)


def test_a_task_that_fails_before_it_finishes_its_job_is_tried_again(fixture: WorkerFixture) -> None:
    async def work(job: Job, finish: Finish) -> None:
        fixture.runs.append("run")
        if job.tries == 1:
            raise RetryLater("not now")
        await fixture.database.run(finish)

    fixture.worker({"work": Finishing(work)}, retry_policies={"work": RetryPolicy(first_pause=10)})
    fixture.add("work")
    fixture.wait(5)
    assert fixture.states() == ["waiting"]
    fixture.wait(15)
    assert (fixture.runs, fixture.states()) == (["run", "run"], ["done"])


def test_a_worker_that_is_told_of_a_due_job_claims_it_without_looking(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"note": fixture.record}, poll=1000.0)
    fixture.wait(1, 0.1)
    fixture.add("note", name="one")
    calls = fixture.database.calls
    worker.checked(fixture.now())
    assert fixture.runs == ["one"]
    assert fixture.database.calls - calls == 2, "claim and finish"
    worker.checked(fixture.now())  # claimed by another worker meanwhile
    fixture.add("note", name="two", after=5)
    fixture.wait(6, 0.1)
    assert fixture.runs == ["one", "two"]


def test_a_worker_that_is_told_of_a_later_job_does_nothing(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"note": fixture.record}, poll=1000.0)
    fixture.wait(1, 0.1)
    calls = fixture.database.calls
    worker.checked(None)
    worker.checked(fixture.now() + timedelta(seconds=2000))
    fixture.wait(1, 0.1)
    assert fixture.database.calls == calls


def test_a_later_job_starts_when_it_is_due(fixture: WorkerFixture) -> None:
    fixture.worker({"note": fixture.record}, poll=1000.0)
    fixture.add("note", name="later", after=300)
    fixture.wait(0.1, 0.1)
    fixture.worker({"note": fixture.record}, poll=1000.0).wake()
    fixture.wait(299.5)
    assert fixture.runs == []
    fixture.wait(1)
    assert fixture.runs == ["later"]


def test_its_own_commits_do_not_keep_the_worker_awake(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"note": fixture.record, "slow": fixture.slow}, poll=10.0)
    fixture.database.inner.committed = worker.wake
    fixture.add("slow", key="k", seconds=1000)
    fixture.wait(11, 0.02)
    fixture.add("slow", key="k", seconds=1)  # due, but not claimable before the first is done
    fixture.add("note")
    worker.wake()
    fixture.wait(1, 0.02)
    assert len(fixture.runs) == 1
    calls = fixture.database.calls
    fixture.wait(100, 0.02)
    assert fixture.database.calls - calls < 30, "ten polls and five heartbeats, each of which wakes the worker"


def test_concurrency_is_limited(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"slow": fixture.slow}, concurrency=3)
    for number in range(7):
        fixture.add("slow", name=number, seconds=10)
    maximum = 0
    for _ in range(60):
        fixture.wait(1)
        maximum = max(maximum, len(worker.running))
    assert maximum == 3
    assert sorted(fixture.runs) == list("0123456")


def test_a_failed_job_is_retried_and_is_dead_after_the_last_try(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"fail": fixture.fail}, retry_policies={"fail": RetryPolicy(tries=3, first_pause=10)})
    fixture.add("fail")
    fixture.wait(5)
    assert (fixture.runs, fixture.states()) == (["failed"], ["waiting"])
    fixture.wait(10)
    assert len(fixture.runs) == 2
    fixture.wait(1000)
    assert (len(fixture.runs), fixture.states()) == (3, ["dead"])
    assert fetch_value(fixture.cursor, "select last_error from jobs") == "ValueError: wrong"
    assert (worker.stats.failed, worker.stats.dead, worker.stats.completed) == (3, 1, 0)
    assert worker.stats.results == {("fail", "failed"): 3, ("fail", "dead"): 1}


def test_a_task_can_say_when_to_retry(fixture: WorkerFixture) -> None:
    async def retry_later(job: Job) -> None:
        fixture.runs.append("retried")
        raise RetryLater("429 Slow down", after=200)

    fixture.worker({"retry_later": retry_later}, retry_policies={"retry_later": RetryPolicy(tries=3, first_pause=10)})
    fixture.add("retry_later")
    fixture.wait(195)
    assert (fixture.runs, fixture.states()) == (["retried"], ["waiting"])
    fixture.wait(10)
    assert len(fixture.runs) == 2
    fixture.wait(205)
    assert (len(fixture.runs), fixture.states()) == (3, ["dead"])
    assert fetch_value(fixture.cursor, "select last_error from jobs") == "429 Slow down"


@pytest.mark.parametrize(("error", "is_bug"), [(RetryLater("Later"), False), (Unavailable(), False), (ValueError("wrong"), True)])
def test_only_a_bug_has_its_traceback_in_the_log(fixture: WorkerFixture, error: Exception, is_bug: bool) -> None:
    async def fails(job: Job) -> None:
        raise error

    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    fixture.worker({"fails": fails})
    fixture.add("fails")
    globalLogPublisher.addObserver(observer)
    try:
        fixture.wait(5)
    finally:
        globalLogPublisher.removeObserver(observer)
    [entry] = [event for event in events if "(fails) failed, try 1" in (formatEvent(event) or "")]
    assert ("log_failure" in entry) == is_bug


def test_what_a_job_does_and_its_failure_are_logged_with_its_request(fixture: WorkerFixture) -> None:
    seen: list[dict[str, str | int]] = []

    def keep(event: LogEvent) -> None:
        current = log_context.get()
        seen.append(dict(current.known()) if current is not None else {})

    async def fails(job: Job) -> None:
        logger.info("working")
        raise PermanentFailure("It cannot work")

    logger = Logger("example", observer=LogPublisher(cast("ILogObserver", keep)))
    fixture.worker({"fails": fails})
    fixture.add("fails")
    execute(fixture.cursor, "update jobs set request_id = '0f3c-12'")
    globalLogPublisher.addObserver(cast("ILogObserver", keep))
    try:
        fixture.wait(5)
    finally:
        globalLogPublisher.removeObserver(cast("ILogObserver", keep))
    id = fetch_value(fixture.cursor, "select id from jobs")
    assert len(seen) >= 2
    assert all(fields == {"request_id": "0f3c-12", "job_id": id, "job_kind": "fails"} for fields in seen)


def test_a_permanent_failure_is_dead_at_once_with_its_error(fixture: WorkerFixture) -> None:
    async def fail_permanently(job: Job) -> None:
        raise PermanentFailure("550 no such mailbox")

    fixture.worker({"fail_permanently": fail_permanently})
    fixture.add("fail_permanently")
    fixture.wait(5)
    assert fixture.states() == ["dead"]
    assert fetch_value(fixture.cursor, "select last_error from jobs") == "550 no such mailbox"


def test_a_hanging_task_is_cancelled_and_fails(fixture: WorkerFixture) -> None:
    fixture.worker({"hang": fixture.hang}, retry_policies={"hang": RetryPolicy(tries=1, time_limit=30)})
    fixture.add("hang")
    fixture.wait(31)
    assert fixture.states() == ["running"]
    fixture.wait(2)
    assert fixture.states() == ["dead"]
    assert fetch_value(fixture.cursor, "select last_error from jobs") == "The job took longer than 30 seconds."


def test_a_task_that_raises_system_exit_fails(fixture: WorkerFixture) -> None:
    async def exit_process(job: Job) -> None:
        raise SystemExit(1)

    fixture.worker({"exit": exit_process}, retry_policies={"exit": RetryPolicy(tries=1)})
    fixture.add("exit")
    fixture.wait(5)
    assert fixture.states() == ["dead"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["fail", "hang", "unknown", "note"]), min_size=1, max_size=20), st.integers(1, 4))
def test_failing_jobs_never_block_others(cursor: Cursor, kinds: list[str], concurrency: int) -> None:
    execute(cursor, "delete from jobs")
    fixture = WorkerFixture(cursor)
    limit = 10.0
    policy = RetryPolicy(time_limit=limit, tries=2)
    tasks = {"fail": fixture.fail, "hang": fixture.hang, "note": fixture.record}
    worker = fixture.worker(tasks, retry_policies=dict.fromkeys(tasks, policy), concurrency=concurrency)
    for kind in kinds:
        fixture.add(kind, name="noted")
    fixture.wait(2 * limit * (len(kinds) + 1) + 20, 1.0)
    assert fixture.runs.count("noted") == kinds.count("note")
    fixture.stop(worker)


def test_a_long_job_renews_its_lease(fixture: WorkerFixture) -> None:
    tasks = {"slow": fixture.slow}
    policies = {"slow": RetryPolicy(time_limit=1000)}
    fixture.worker(tasks, retry_policies=policies, lease=30)
    fixture.worker(tasks, name="w2", retry_policies=policies, lease=30)
    fixture.add("slow", name="long", seconds=600)
    fixture.wait(650)
    assert fixture.runs == ["long"]
    assert fetch_value(fixture.cursor, "select tries from jobs") == 1


def test_a_job_of_a_dead_process_is_done_by_another(fixture: WorkerFixture) -> None:
    fixture.add("note", name="orphan")
    jobs.claim(
        fixture.cursor, kinds=["note"], worker="killed", lease_until=fixture.now() + timedelta(seconds=60), now=fixture.now(), limit=1
    )
    fixture.worker({"note": fixture.record})
    fixture.wait(59)
    assert fixture.runs == []
    fixture.wait(5)
    assert fixture.runs == ["orphan"]


def test_a_job_that_kills_its_process_each_time_ends_as_dead(fixture: WorkerFixture) -> None:
    fixture.add("note")
    for _ in range(3):
        jobs.claim(fixture.cursor, kinds=["note"], worker="killed", lease_until=fixture.now(), now=fixture.now(), limit=1)
        fixture.wait(1)
    fixture.worker({"note": fixture.record}, retry_policies={"note": RetryPolicy(tries=3)})
    fixture.wait(5)
    assert (fixture.runs, fixture.states()) == ([], ["dead"])


def test_a_worker_that_lost_its_lease_cancels_the_job(fixture: WorkerFixture) -> None:
    fixture.add("hang")
    worker = fixture.worker({"hang": fixture.hang}, lease=30, retry_policies={"hang": RetryPolicy(time_limit=10000)})
    fixture.wait(1)
    execute(fixture.cursor, "update jobs set worker = 'w2', tries = tries + 1, lease_until = lease_until + interval '1 hour'")
    fixture.wait(30)
    assert not worker.running
    assert (worker.stats.lease_lost, fixture.states()) == (1, ["running"])


def test_a_database_outage_only_delays_jobs(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"slow": fixture.slow})
    fixture.add("slow", name="one", seconds=5)
    fixture.wait(3)
    fixture.database.unavailable = True
    fixture.add("slow", name="two", seconds=1)
    fixture.wait(10)
    assert fixture.runs == ["one"]
    fixture.database.unavailable = False
    fixture.wait(20)
    assert (fixture.runs, fixture.states()) == (["one", "two"], ["done", "done"])
    assert worker.stats.completed == 2


def test_a_worker_is_healthy_while_it_polls(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"note": fixture.record})
    fixture.wait(600)
    assert worker.healthy()
    fixture.database.unavailable = True
    fixture.wait(600)
    assert not worker.healthy()
    assert worker.age() > 500
    fixture.database.unavailable = False
    fixture.wait(5)
    assert worker.healthy()
    fixture.stop(worker)
    assert not worker.healthy()


def test_a_worker_at_full_concurrency_is_healthy(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"hang": fixture.hang}, concurrency=1, retry_policies={"hang": RetryPolicy(time_limit=1e6)})
    fixture.add("hang")
    fixture.wait(600)
    assert worker.healthy()


def test_stopping_waits_for_running_jobs_and_starts_no_others(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"slow": fixture.slow, "note": fixture.record}, drain=10)
    fixture.add("slow", name="begun", seconds=5)
    fixture.wait(3)
    stopped: list[None] = []
    Deferred.fromCoroutine(worker.stop()).addCallback(stopped.append)
    fixture.add("note", name="new")
    worker.wake()
    fixture.wait(3)
    assert not stopped
    fixture.wait(3)
    assert stopped
    assert (fixture.runs, fixture.states()) == (["begun"], ["done", "waiting"])
    fixture.wait(600)
    assert fixture.runs == ["begun"]
    assert fixture.clock.getDelayedCalls() == []


def test_a_job_that_outlasts_the_drain_is_released_without_losing_a_try(fixture: WorkerFixture) -> None:
    worker = fixture.worker({"hang": fixture.hang}, drain=10)
    fixture.add("hang")
    fixture.wait(3)
    fixture.stop(worker)
    assert fixture.states() == ["waiting"]
    assert fetch_value(fixture.cursor, "select tries from jobs") == 0
    assert worker.stats.released == 1
    assert fixture.clock.getDelayedCalls() == []


def test_a_worker_that_was_never_started_can_be_stopped(fixture: WorkerFixture) -> None:
    result_of(Worker(fixture.database, {}, fixture.now, fixture.clock, "w", lambda: 0.5).stop())


def test_stats_include_queue_time_and_duration(fixture: WorkerFixture) -> None:
    fixture.add("slow", seconds=5)
    fixture.wait(3)
    worker = fixture.worker({"slow": fixture.slow})
    fixture.wait(10)
    assert (worker.stats.started, worker.stats.queue_seconds, worker.stats.duration_seconds) == (1, 3.0, 5.0)
    assert (worker.stats.seconds, worker.stats.results) == ({"slow": 5.0}, {("slow", "completed"): 1})
    assert jobs.counts(fixture.cursor).running == 0
    assert jobs.page_of(fixture.cursor, state=JobState.DONE, page=Page())

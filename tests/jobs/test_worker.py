"""The worker on a clock of the test's own and one cursor: whatever it does is decided here."""

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
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from microblog.jobs.retry import RetryPolicy
from microblog.jobs.worker import Task, Worker
from microblog.model.errors import Unavailable
from microblog.model.jobs import Job, JobState, PermanentFailure, RetryLater
from microblog.model.paging import Page
from microblog.storage import jobs
from microblog.storage.database import Cursor, execute, fetch_all, fetch_value
from tests.fakes import RolledBackDatabase, done

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@define(eq=False)
class Unreachable:
    """A database that is away while `away` is set."""

    inner: RolledBackDatabase
    away: bool = False
    calls: int = 0

    async def run(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.away:
            raise Unavailable
        return await self.inner.run(f, *args, **kwargs)

    async def read(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.away:
            raise Unavailable
        return await self.inner.read(f, *args, **kwargs)


@define(eq=False)
class House:
    """A database, a clock, and workers on both."""

    cursor: Cursor
    clock: Clock = Factory(Clock)
    database: Unreachable = field()
    ran: list[str] = Factory(list)

    @database.default
    def _database(self) -> Unreachable:
        return Unreachable(RolledBackDatabase(self.cursor))

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.clock.seconds())

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

    async def note(self, job: Job) -> None:
        self.ran.append(str(job.payload.get("name", job.id)))

    async def fail(self, job: Job) -> None:
        self.ran.append("failed")
        raise ValueError("wrong")

    async def hang(self, job: Job) -> None:
        await Deferred()

    async def slow(self, job: Job) -> None:
        seconds = job.payload["seconds"]
        assert isinstance(seconds, int | float)
        await deferLater(self.clock, seconds)
        self.ran.append(str(job.payload.get("name", job.id)))


@pytest.fixture
def house(cursor: Cursor) -> House:
    return House(cursor)


def test_a_job_is_done_once_and_stays_as_done(house: House) -> None:
    house.worker({"note": house.note})
    house.add("note", name="one")
    house.wait(60)
    assert house.ran == ["one"]
    assert house.states() == ["done"]


def test_a_woken_worker_begins_at_once(house: House) -> None:
    worker = house.worker({"note": house.note})
    house.wait(1, 0.1)
    house.add("note", name="one")
    assert house.ran == []
    worker.wake()
    assert house.ran == ["one"]


def test_a_job_for_later_begins_when_it_is_due(house: House) -> None:
    house.worker({"note": house.note}, poll=1000.0)
    house.add("note", name="later", after=300)
    house.wait(0.1, 0.1)
    house.worker({"note": house.note}, poll=1000.0).wake()
    house.wait(299.5)
    assert house.ran == []
    house.wait(1)
    assert house.ran == ["later"]


def test_its_own_commits_do_not_keep_the_worker_awake(house: House) -> None:
    worker = house.worker({"note": house.note, "slow": house.slow}, poll=10.0)
    house.database.inner.committed = worker.wake
    house.add("slow", key="k", seconds=1000)
    house.wait(11, 0.02)
    house.add("slow", key="k", seconds=1)  # is due, and cannot be claimed before the other is done
    house.add("note")
    worker.wake()
    house.wait(1, 0.02)
    assert len(house.ran) == 1
    calls = house.database.calls
    house.wait(100, 0.02)
    assert house.database.calls - calls < 30, "ten looks by the clock and five heartbeats, each of which wakes"


def test_no_more_run_side_by_side_than_allowed(house: House) -> None:
    worker = house.worker({"slow": house.slow}, concurrency=3)
    for number in range(7):
        house.add("slow", name=number, seconds=10)
    most = 0
    for _ in range(60):
        house.wait(1)
        most = max(most, len(worker.running))
    assert most == 3
    assert sorted(house.ran) == list("0123456")


def test_a_failed_job_is_tried_again_and_is_dead_after_its_last_try(house: House) -> None:
    worker = house.worker({"fail": house.fail}, retry_policies={"fail": RetryPolicy(tries=3, first=10)})
    house.add("fail")
    house.wait(5)
    assert (house.ran, house.states()) == (["failed"], ["waiting"])
    house.wait(10)
    assert len(house.ran) == 2
    house.wait(1000)
    assert (len(house.ran), house.states()) == (3, ["dead"])
    assert fetch_value(house.cursor, "select last_error from jobs") == "ValueError: wrong"
    assert (worker.stats.failed, worker.stats.dead, worker.stats.completed) == (3, 1, 0)


def test_a_task_that_knows_when_to_try_again_is_tried_again_then(house: House) -> None:
    async def busy(job: Job) -> None:
        house.ran.append("busy")
        raise RetryLater("429 Slow down", after=200)

    house.worker({"busy": busy}, retry_policies={"busy": RetryPolicy(tries=3, first=10)})
    house.add("busy")
    house.wait(195)
    assert (house.ran, house.states()) == (["busy"], ["waiting"])
    house.wait(10)
    assert len(house.ran) == 2
    house.wait(205)
    assert (len(house.ran), house.states()) == (3, ["dead"])
    assert fetch_value(house.cursor, "select last_error from jobs") == "429 Slow down"


@pytest.mark.parametrize(("problem", "is_bug"), [(RetryLater("Later"), False), (Unavailable(), False), (ValueError("wrong"), True)])
def test_only_a_bug_has_its_traceback_in_the_log(house: House, problem: Exception, is_bug: bool) -> None:
    async def fails(job: Job) -> None:
        raise problem

    events: list[LogEvent] = []
    observer = cast("ILogObserver", events.append)
    house.worker({"fails": fails})
    house.add("fails")
    globalLogPublisher.addObserver(observer)
    try:
        house.wait(5)
    finally:
        globalLogPublisher.removeObserver(observer)
    [told] = [event for event in events if "(fails) failed, try 1" in (formatEvent(event) or "")]
    assert ("log_failure" in told) == is_bug


def test_a_hopeless_job_is_dead_at_once_and_says_why(house: House) -> None:
    async def hopeless(job: Job) -> None:
        raise PermanentFailure("550 no such mailbox")

    house.worker({"hopeless": hopeless})
    house.add("hopeless")
    house.wait(5)
    assert house.states() == ["dead"]
    assert fetch_value(house.cursor, "select last_error from jobs") == "550 no such mailbox"


def test_a_task_that_hangs_is_cut_off_and_counts_as_failed(house: House) -> None:
    house.worker({"hang": house.hang}, retry_policies={"hang": RetryPolicy(tries=1, limit=30)})
    house.add("hang")
    house.wait(31)
    assert house.states() == ["running"]
    house.wait(2)
    assert house.states() == ["dead"]
    assert fetch_value(house.cursor, "select last_error from jobs") == "The job took longer than 30 seconds."


def test_a_task_that_wants_to_end_the_process_fails_like_any_other(house: House) -> None:
    async def leave(job: Job) -> None:
        raise SystemExit(1)

    house.worker({"leave": leave}, retry_policies={"leave": RetryPolicy(tries=1)})
    house.add("leave")
    house.wait(5)
    assert house.states() == ["dead"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["fail", "hang", "unheard-of", "note"]), min_size=1, max_size=20), st.integers(1, 4))
def test_poison_jobs_never_block_the_others(cursor: Cursor, kinds: list[str], at_once: int) -> None:
    execute(cursor, "delete from jobs")
    house = House(cursor)
    limit = 10.0
    plan = RetryPolicy(limit=limit, tries=2)
    tasks = {"fail": house.fail, "hang": house.hang, "note": house.note}
    worker = house.worker(tasks, retry_policies=dict.fromkeys(tasks, plan), concurrency=at_once)
    for kind in kinds:
        house.add(kind, name="noted")
    house.wait(2 * limit * (len(kinds) + 1) + 20, 1.0)
    assert house.ran.count("noted") == kinds.count("note")
    house.stop(worker)


def test_a_long_job_keeps_its_lease(house: House) -> None:
    tasks = {"slow": house.slow}
    plans = {"slow": RetryPolicy(limit=1000)}
    house.worker(tasks, retry_policies=plans, lease=30)
    house.worker(tasks, name="w2", retry_policies=plans, lease=30)
    house.add("slow", name="long", seconds=600)
    house.wait(650)
    assert house.ran == ["long"]
    assert fetch_value(house.cursor, "select tries from jobs") == 1


def test_what_a_dead_process_had_begun_is_done_by_another(house: House) -> None:
    house.add("note", name="orphan")
    jobs.claim(house.cursor, kinds=["note"], worker="killed", lease_until=house.now() + timedelta(seconds=60), now=house.now(), limit=1)
    house.worker({"note": house.note})
    house.wait(59)
    assert house.ran == []
    house.wait(5)
    assert house.ran == ["orphan"]


def test_a_job_that_kills_its_process_each_time_is_dead_in_the_end(house: House) -> None:
    house.add("note")
    for _ in range(3):
        jobs.claim(house.cursor, kinds=["note"], worker="killed", lease_until=house.now(), now=house.now(), limit=1)
        house.wait(1)
    house.worker({"note": house.note}, retry_policies={"note": RetryPolicy(tries=3)})
    house.wait(5)
    assert (house.ran, house.states()) == ([], ["dead"])


def test_a_worker_that_lost_its_lease_lets_go_of_the_job(house: House) -> None:
    house.add("hang")
    loser = house.worker({"hang": house.hang}, lease=30, retry_policies={"hang": RetryPolicy(limit=10000)})
    house.wait(1)
    execute(house.cursor, "update jobs set worker = 'w2', tries = tries + 1")
    house.wait(30)
    assert not loser.running
    assert (loser.stats.lease_lost, house.states()) == (1, ["running"])


def test_a_database_that_is_away_for_a_while_costs_nothing_but_time(house: House) -> None:
    worker = house.worker({"slow": house.slow})
    house.add("slow", name="one", seconds=5)
    house.wait(3)
    house.database.away = True
    house.add("slow", name="two", seconds=1)
    house.wait(10)
    assert house.ran == ["one"]
    house.database.away = False
    house.wait(20)
    assert (house.ran, house.states()) == (["one", "two"], ["done", "done"])
    assert worker.stats.completed == 2


def test_health_is_that_the_worker_still_looks(house: House) -> None:
    worker = house.worker({"note": house.note})
    house.wait(600)
    assert worker.healthy()
    house.database.away = True
    house.wait(600)
    assert not worker.healthy()
    assert worker.age() > 500
    house.database.away = False
    house.wait(5)
    assert worker.healthy()
    house.stop(worker)
    assert not worker.healthy()


def test_a_worker_whose_slots_are_all_taken_is_healthy(house: House) -> None:
    worker = house.worker({"hang": house.hang}, concurrency=1, retry_policies={"hang": RetryPolicy(limit=1e6)})
    house.add("hang")
    house.wait(600)
    assert worker.healthy()


def test_stopping_waits_for_what_runs_and_begins_nothing_more(house: House) -> None:
    worker = house.worker({"slow": house.slow, "note": house.note}, drain=10)
    house.add("slow", name="begun", seconds=5)
    house.wait(3)
    stopped: list[None] = []
    Deferred.fromCoroutine(worker.stop()).addCallback(stopped.append)
    house.add("note", name="new")
    worker.wake()
    house.wait(3)
    assert not stopped
    house.wait(3)
    assert stopped
    assert (house.ran, house.states()) == (["begun"], ["done", "waiting"])
    house.wait(600)
    assert house.ran == ["begun"]
    assert house.clock.getDelayedCalls() == []


def test_what_does_not_end_in_time_goes_back_without_losing_a_try(house: House) -> None:
    worker = house.worker({"hang": house.hang}, drain=10)
    house.add("hang")
    house.wait(3)
    house.stop(worker)
    assert house.states() == ["waiting"]
    assert fetch_value(house.cursor, "select tries from jobs") == 0
    assert worker.stats.released == 1
    assert house.clock.getDelayedCalls() == []


def test_a_worker_that_was_never_started_can_be_stopped(house: House) -> None:
    done(Worker(house.database, {}, house.now, house.clock, "w", lambda: 0.5).stop())


def test_stats_include_queue_time_and_duration(house: House) -> None:
    house.add("slow", seconds=5)
    house.wait(3)
    worker = house.worker({"slow": house.slow})
    house.wait(10)
    assert (worker.stats.started, worker.stats.queue_seconds, worker.stats.duration_seconds) == (1, 3.0, 5.0)
    assert jobs.counts(house.cursor).running == 0
    assert jobs.page_of(house.cursor, state=JobState.DONE, page=Page())

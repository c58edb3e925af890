"""Job worker: claims jobs in small batches, runs them concurrently, and loses none.

Each job runs at least once. It is claimed under a lease that a heartbeat extends; if the process dies, the lease expires and another
process (or this one after a restart) claims the job. A task that fails is retried after a pause (see `retry.RetryPolicy`); after its last
try the job is dead and shown to the administrator. A task that exceeds its time limit is cancelled, so that it does not block other jobs.

Decision (2026-11): jobs in our own table, because a job must be written in the command's own psycopg2 transaction and run on the reactor.
Alternatives: procrastinate, the model of our two unique indexes, whose worker needs asyncio and psycopg 3 and whose psycopg2 connector only
adds jobs, in a transaction of its own; pgmq, which needs an extension that the embedded PostgreSQL and many hosts lack; postgres-tq, which
has neither heartbeat nor keys nor back-off; twext.enterprise.jobs, made for Twisted, but for Python 2.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import Factory, define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.jobs.retry import RetryPolicy
from microblog.model.errors import Unavailable
from microblog.model.ids import JobId
from microblog.model.jobs import Job, PermanentFailure, RetryLater
from microblog.storage import jobs as rows
from microblog.storage.database import Transactions

Task: TypeAlias = Callable[[Job], Awaitable[None]]

_log = Logger()
_SETTLE_PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds; after that, the lease expires


@define
class WorkerStats:
    """Counters of a worker. `duration_seconds` is time spent in tasks, `queue_seconds` time from due to start, summed over all jobs."""

    started: int = 0
    completed: int = 0
    failed: int = 0
    dead: int = 0
    lease_lost: int = 0
    released: int = 0
    duration_seconds: float = 0.0
    queue_seconds: float = 0.0


@define(eq=False)
class _Run:
    job: Job
    work: Deferred[None]
    left: bool = False  # lost or released: its outcome must not be recorded


@define(eq=False)
class Worker:
    """Runs jobs in one process; any number of processes may have workers on the same database.

    `name` is unique to this worker, also after a restart. `chance` returns uniform random numbers in [0, 1). `concurrency` limits the tasks
    that run at a time. Times are in seconds: `poll` between checks without a wake-up, `gap` the minimum between two checks, `lease` how
    long a claim is valid without a heartbeat (clocks of processes may differ by less), `drain` how long `stop` waits for tasks.
    """

    database: Transactions
    tasks: Mapping[str, Task]
    now: Callable[[], datetime]
    reactor: IReactorTime
    name: str
    chance: Callable[[], float]
    retry_policies: Mapping[str, RetryPolicy] = Factory(dict)
    concurrency: int = 8
    poll: float = 2.0
    gap: float = 0.01
    lease: float = 60.0
    drain: float = 10.0
    stats: WorkerStats = field(init=False, factory=WorkerStats)
    _runs: dict[JobId, _Run] = field(init=False, factory=dict)
    _looping: list[Deferred[None]] = field(init=False, factory=list)
    _asleep: Deferred[None] | None = field(init=False, default=None)
    _woken: bool = field(init=False, default=False)
    _stopping: bool = field(init=False, default=False)
    _moved_at: float = field(init=False, default=0.0)

    @property
    def running(self) -> Collection[Job]:
        """Jobs that this worker runs now."""
        return [run.job for run in self._runs.values()]

    def start(self) -> None:
        """Start checking for jobs. Returns at once."""
        self._stopping = False
        self._moved_at = self.reactor.seconds()
        self._looping = [Deferred.fromCoroutine(self._look_for_jobs()), Deferred.fromCoroutine(self._beat())]

    async def stop(self) -> None:
        """Claim no more jobs, wait up to `drain` seconds for running ones, then cancel and release them."""
        self._stopping = True
        looking, beating = self._looping or [_done(), _done()]
        self.wake()
        await looking
        until = self.reactor.seconds() + self.drain
        while self._runs and (left := until - self.reactor.seconds()) > 0:
            self._woken = False
            await self._sleep(left)
        for run in list(self._runs.values()):
            await self._give_back(run)
        beating.cancel()
        self._looping = []

    def wake(self) -> None:
        """Check for jobs soon. Cheap; may be called for every commit."""
        self._woken = True
        if self._asleep is not None:
            asleep, self._asleep = self._asleep, None
            asleep.callback(None)

    def age(self) -> float:
        """Return the seconds since the last successful check for jobs."""
        return self.reactor.seconds() - self._moved_at

    def healthy(self) -> bool:
        """True while the worker runs and checks for jobs as often as it should."""
        return bool(self._looping) and self.age() < max(30.0, 3 * self.poll)

    # The loop.

    async def _look_for_jobs(self) -> None:
        while not self._stopping:
            self._woken = False
            try:
                pause = await self._look()
            except Unavailable:
                pause = self.poll
            except Exception:
                _log.failure("Looking for jobs went wrong; it is tried again")
                pause = self.poll
            await self._sleep(pause)

    async def _look(self) -> float:
        """Claim and start due jobs. Return the seconds until the next check.

        The check is a read: each claim is a commit, and each commit of this process wakes the worker again.
        """
        due = await self.database.read(rows.next_due, kinds=list(self.tasks))
        self._moved_at = self.reactor.seconds()
        free, now = self.concurrency - len(self._runs), self.now()
        if due is None or free <= 0 or self._stopping:
            return self.poll
        if due > now:
            return min(self.poll, (due - now).total_seconds())
        claimed = await self.database.run(
            rows.claim,
            kinds=list(self.tasks),
            worker=self.name,
            lease_until=now + timedelta(seconds=self.lease),
            now=now,
            limit=free,
        )
        for job in claimed:
            self._begin(job, now)
        return 0.0 if claimed else self.poll

    async def _sleep(self, pause: float) -> None:
        """Wait for `pause` seconds or until `wake` is called, but at least for `gap`."""
        await _after(self.reactor, self.gap)
        if self._woken or pause <= self.gap:
            return
        asleep: Deferred[None] = Deferred()
        self._asleep = asleep
        call = self.reactor.callLater(pause - self.gap, self.wake)
        await asleep
        if call.active():
            call.cancel()

    async def _beat(self) -> None:
        """Extend the leases of running jobs, three times per lease."""
        try:
            while True:
                await _after(self.reactor, self.lease / 3)
                await self._extend([run.job for run in self._runs.values()])
        except CancelledError:
            return

    async def _extend(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        until = self.now() + timedelta(seconds=self.lease)
        try:
            held = await self.database.run(rows.heartbeat, jobs=jobs, worker=self.name, lease_until=until)
        except Exception:
            _log.failure("The leases of {count} jobs could not be extended; it is tried again", count=len(jobs))
            return
        for job in jobs:
            run = self._runs.get(job.id)
            if job.id not in held and run is not None and run.job is job:
                self._lose(run)

    # One job.

    def _begin(self, job: Job, now: datetime) -> None:
        earlier = self._runs.get(job.id)
        if earlier is not None:  # its lease expired, and this worker claimed it again
            self._lose(earlier)
        self.stats.started += 1
        self.stats.queue_seconds += max(0.0, (now - job.due_at).total_seconds())
        plan = self.retry_policies.get(job.kind, RetryPolicy())
        work = Deferred.fromCoroutine(self._carry_out(job, plan))
        work.addTimeout(plan.limit, self.reactor, onTimeoutCancel=_too_long)
        run = self._runs[job.id] = _Run(job, work)
        Deferred.fromCoroutine(self._see_through(run, plan))

    async def _carry_out(self, job: Job, plan: RetryPolicy) -> None:
        if job.tries > plan.tries:  # every process that claimed it before died
            raise PermanentFailure(f"The process that ran this job ended before the job did, {job.tries - 1} times.")
        await self.tasks[job.kind](job)

    async def _see_through(self, run: _Run, plan: RetryPolicy) -> None:
        """Wait for the task and record its outcome. Raises nothing."""
        begun, problem = self.reactor.seconds(), None
        try:
            await run.work
        except GeneratorExit:  # the interpreter is shutting down
            raise
        except BaseException as cause:  # a task that calls sys.exit() fails like any other
            problem = cause
        self.stats.duration_seconds += self.reactor.seconds() - begun
        if not run.left:
            await self._settle(run, plan, problem)
        if self._runs.get(run.job.id) is run:
            del self._runs[run.job.id]
        self.wake()

    async def _settle(self, run: _Run, plan: RetryPolicy, problem: BaseException | None) -> None:
        """Record the outcome, with retries. If that fails, the lease expires and the job runs again."""
        for pause in (*_SETTLE_PAUSES, None):
            try:
                await self._write(run, plan, problem)
            except Exception:
                if pause is None or run.left:
                    _log.failure("How job {id} ({kind}) ended could not be written down", id=run.job.id, kind=run.job.kind)
                    return
                await _after(self.reactor, pause)
            else:
                return

    async def _write(self, run: _Run, plan: RetryPolicy, problem: BaseException | None) -> None:
        job, now = run.job, self.now()
        if problem is None:
            ours = await self.database.run(rows.finish, job, worker=self.name, now=now)
            self.stats.completed += ours
        else:
            pause = None if isinstance(problem, PermanentFailure) else plan.pause(job.tries, self.chance())
            if pause is not None and isinstance(problem, RetryLater) and problem.after is not None:
                pause = problem.after
            retry_at = None if pause is None else now + timedelta(seconds=pause)
            error = _described(problem)
            ours = await self.database.run(rows.fail, job, worker=self.name, error=error, retry_at=retry_at, now=now)
            self.stats.failed += ours
            self.stats.dead += ours and retry_at is None
            _tell(job, error, problem, retry_at)
        self.stats.lease_lost += not ours

    def _lose(self, run: _Run) -> None:
        """Cancel a task whose job was claimed by another worker."""
        _log.warn("Job {id} ({kind}) was given to another worker, its lease had run out", id=run.job.id, kind=run.job.kind)
        self.stats.lease_lost += 1
        run.left = True
        run.work.cancel()

    async def _give_back(self, run: _Run) -> None:
        run.left = True
        run.work.cancel()
        self._runs.pop(run.job.id, None)
        try:
            await self.database.run(rows.release, run.job, worker=self.name, now=self.now())
            self.stats.released += 1
        except Exception:
            _log.failure("Job {id} could not be given back; it is claimed again when its lease has run out", id=run.job.id)


class _TooLong(Exception):
    pass


_EXPECTED = (PermanentFailure, RetryLater, Unavailable, _TooLong)  # no bugs: logged in one line, without traceback


def _too_long(_: object, seconds: float) -> None:
    raise _TooLong(f"It took longer than {seconds:g} seconds.")


def _described(problem: BaseException) -> str:
    return str(problem) if isinstance(problem, _EXPECTED) else f"{type(problem).__name__}: {problem}"


def _tell(job: Job, error: str, problem: BaseException, retry_at: datetime | None) -> None:
    _log.warn(
        "Job {id} ({kind}) failed, try {tries}: {error}; {next}",
        id=job.id,
        kind=job.kind,
        tries=job.tries,
        error=error,
        next="it is dead" if retry_at is None else f"next try at {retry_at:%Y-%m-%d %H:%M:%S} UTC",
        **({} if isinstance(problem, _EXPECTED) else {"log_failure": Failure(problem)}),
    )


def _done() -> Deferred[None]:
    done: Deferred[None] = Deferred()
    done.callback(None)
    return done


def _after(clock: IReactorTime, seconds: float) -> Deferred[None]:
    """Return a cancellable Deferred that fires after `seconds`."""
    later: Deferred[Any] = Deferred(lambda _: call.cancel())
    call = clock.callLater(seconds, later.callback, None)
    return later

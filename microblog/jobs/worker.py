"""Job worker: claims jobs in small batches, runs them concurrently, and loses none.

Each job runs at least once, and its work is done once if the task finishes it in the transaction of the work (`Finishing`). It is claimed
under a lease that a heartbeat extends; if the process dies, the lease expires and another process (or this one after a restart) claims
the job. A task that fails is retried after a pause (see `retry.RetryPolicy`); after its last
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

from attrs import Factory, define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.jobs.retry import RetryPolicy
from microblog.jobs.stats import WorkerStats
from microblog.logs.context import LogContext, log_context
from microblog.model.errors import Unavailable
from microblog.model.ids import JobId
from microblog.model.jobs import Job, PermanentFailure, RetryLater
from microblog.storage import jobs as rows
from microblog.storage.database import Cursor, Transactions

Task: TypeAlias = Callable[[Job], Awaitable[None]]
Finish: TypeAlias = Callable[[Cursor], None]


def no_finish(cursor: Cursor) -> None:
    """Finish no job: for work outside a worker."""


@frozen
class Finishing:
    """A task that finishes its job itself, by calling `finish(cursor)` in its last transaction.

    If the lease was lost, `finish` raises LeaseLost, so that the work is not done twice.
    """

    run: Callable[[Job, Finish], Awaitable[None]]

    async def __call__(self, job: Job) -> None:
        """Do the work only."""
        await self.run(job, no_finish)


class LeaseLost(Exception):
    """The job was claimed by another worker."""


_log = Logger()
_RECORD_PAUSES = (0.1, 0.5, 2.0, 5.0, 10.0)  # seconds; after that, the lease expires


@define(eq=False)
class _Run:
    job: Job
    log_context: LogContext
    work: Deferred[None] = field(init=False)
    abandoned: bool = False  # lost or released: its outcome must not be recorded
    finished: bool = False  # by its task


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
    _loops: list[Deferred[None]] = field(init=False, factory=list)
    _sleeping: Deferred[None] | None = field(init=False, default=None)
    _wake_requested: bool = field(init=False, default=False)
    _stopping: bool = field(init=False, default=False)
    _checked_at: float = field(init=False, default=0.0)
    _known_due: datetime | None = field(init=False, default=None)  # from `checked`

    @property
    def running(self) -> Collection[Job]:
        """Jobs that this worker runs now."""
        return [run.job for run in self._runs.values()]

    def start(self) -> None:
        """Start checking for jobs. Returns at once."""
        self._stopping = False
        self._checked_at = self.reactor.seconds()
        self._loops = [Deferred.fromCoroutine(self._claim_loop()), Deferred.fromCoroutine(self._heartbeat_loop())]

    async def stop(self) -> None:
        """Claim no more jobs, wait up to `drain` seconds for running ones, then cancel and release them."""
        self._stopping = True
        claim_loop, heartbeat_loop = self._loops or [_finished(), _finished()]
        self.wake()
        await claim_loop
        until = self.reactor.seconds() + self.drain
        while self._runs and (left := until - self.reactor.seconds()) > 0:
            self._wake_requested = False
            await self._sleep(left)
        for run in list(self._runs.values()):
            await self._release(run)
        heartbeat_loop.cancel()
        self._loops = []

    def wake(self) -> None:
        """Check for jobs soon. Cheap; may be called for every commit."""
        self._wake_requested = True
        if self._sleeping is not None:
            sleeping, self._sleeping = self._sleeping, None
            sleeping.callback(None)

    def checked(self, due: datetime | None) -> None:
        """Take note of when the next job is due, which somebody else has read: claim it if that is now or soon."""
        if due is not None and (due - self.now()).total_seconds() < self.poll:
            self._known_due = due
            self.wake()

    def age(self) -> float:
        """Return the seconds since the last successful check for jobs."""
        return self.reactor.seconds() - self._checked_at

    def healthy(self) -> bool:
        """True while the worker runs and checks for jobs as often as it should."""
        return bool(self._loops) and self.age() < max(30.0, 3 * self.poll)

    # The loop.

    async def _claim_loop(self) -> None:
        while not self._stopping:
            self._wake_requested = False
            try:
                pause = await self._claim_due_jobs()
            except Unavailable:
                pause = self.poll
            except Exception:
                _log.failure("The queue could not be checked for jobs; trying again")
                pause = self.poll
            await self._sleep(pause)

    async def _claim_due_jobs(self) -> float:
        """Claim and start due jobs. Return the seconds until the next check.

        The check is a read: each claim is a commit, and each commit of this process wakes the worker again.
        """
        known_due, self._known_due = self._known_due, None
        due = known_due or await self.database.read(rows.next_due, kinds=list(self.tasks))
        self._checked_at = self.reactor.seconds()
        free, now = self.concurrency - len(self._runs), self.now()
        if due is None or free <= 0 or self._stopping:
            return self.poll
        if due > now:
            return self._pause_until(due)
        claimed, due = await self.database.run(
            rows.claim_and_look,
            kinds=list(self.tasks),
            worker=self.name,
            lease_until=now + timedelta(seconds=self.lease),
            now=now,
            limit=free,
        )
        for job in claimed:
            self._begin(job, now)
        if len(claimed) == free or not (claimed or due is None or due > now):  # or others are claiming them
            return self.poll
        return self._pause_until(due)

    def _pause_until(self, due: datetime | None) -> float:
        return self.poll if due is None else min(self.poll, max(0.0, (due - self.now()).total_seconds()))

    async def _sleep(self, pause: float) -> None:
        """Wait for `pause` seconds or until `wake` is called, but at least for `gap`."""
        await _after(self.reactor, self.gap)
        if self._wake_requested or pause <= self.gap:
            return
        sleeping: Deferred[None] = Deferred()
        self._sleeping = sleeping
        call = self.reactor.callLater(pause - self.gap, self.wake)
        await sleeping
        if call.active():
            call.cancel()

    async def _heartbeat_loop(self) -> None:
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
            still_leased = await self.database.run(rows.heartbeat, jobs=jobs, worker=self.name, lease_until=until)
        except Exception:
            _log.failure("The leases of {count} jobs could not be extended; trying again", count=len(jobs))
            return
        for job in jobs:
            run = self._runs.get(job.id)
            if job.id not in still_leased and run is not None and run.job is job:
                self._abandon(run)

    # One job.

    def _begin(self, job: Job, now: datetime) -> None:
        earlier = self._runs.get(job.id)
        if earlier is not None:  # its lease expired, and this worker claimed it again
            self._abandon(earlier)
        self.stats.started += 1
        self.stats.queue_seconds += max(0.0, (now - job.due_at).total_seconds())
        policy = self.retry_policies.get(job.kind, RetryPolicy())
        run = _Run(job, LogContext(job.request_id, job_id=job.id, job_kind=job.kind))
        run.work = Deferred.fromCoroutine(self._run_task(run, policy))
        run.work.addTimeout(policy.time_limit, self.reactor, onTimeoutCancel=_too_long)
        self._runs[job.id] = run
        Deferred.fromCoroutine(self._supervise(run, policy))

    async def _run_task(self, run: _Run, policy: RetryPolicy) -> None:
        job, finished = run.job, False
        log_context.set(run.log_context)
        if job.tries > policy.tries:  # every process that claimed it before died
            raise PermanentFailure(f"The process that ran this job died {job.tries - 1} times before the job finished.")
        task = self.tasks[job.kind]
        if not isinstance(task, Finishing):
            await task(job)
            return

        def finish(cursor: Cursor) -> None:
            nonlocal finished
            if not rows.finish_within(cursor, job, worker=self.name, now=self.now()):
                raise LeaseLost
            finished = True

        await task.run(job, finish)
        run.finished = finished

    async def _supervise(self, run: _Run, policy: RetryPolicy) -> None:
        """Wait for the task and record its outcome. Raises nothing."""
        log_context.set(run.log_context)
        started_at, problem = self.reactor.seconds(), None
        try:
            await run.work
        except GeneratorExit:  # the interpreter is shutting down
            raise
        except BaseException as cause:  # a task that calls sys.exit() fails like any other
            problem = cause
        spent = self.reactor.seconds() - started_at
        self.stats.duration_seconds += spent
        self.stats.seconds[run.job.kind] += spent
        _log.debug("The task of job {job_id} ({job_kind}) has ended", event="job_ended", job_id=run.job.id, job_kind=run.job.kind)
        if run.finished:
            self.stats.count(run.job.kind)
        elif not run.abandoned:
            await self._record_outcome(run, policy, problem)
        was_full = len(self._runs) >= self.concurrency
        if self._runs.get(run.job.id) is run:
            del self._runs[run.job.id]
        # A commit that finished a job has told what is due, but not whether it would have been claimed, or another job of its key.
        if was_full or self._stopping or not run.finished or run.job.key is not None:
            self.wake()

    async def _record_outcome(self, run: _Run, policy: RetryPolicy, problem: BaseException | None) -> None:
        """Record the outcome, with retries. If that fails, the lease expires and the job runs again."""
        for pause in (*_RECORD_PAUSES, None):
            try:
                await self._write_outcome(run, policy, problem)
            except Exception:
                if pause is None or run.abandoned:
                    _log.failure("The outcome of job {job_id} ({job_kind}) could not be recorded", job_id=run.job.id, job_kind=run.job.kind)
                    return
                await _after(self.reactor, pause)
            else:
                return

    async def _write_outcome(self, run: _Run, policy: RetryPolicy, problem: BaseException | None) -> None:
        job, now = run.job, self.now()
        if isinstance(problem, LeaseLost):
            still_claimed = False
        elif problem is None:
            still_claimed = await self.database.run(rows.finish, job, worker=self.name, now=now)
            if still_claimed:
                self.stats.count(job.kind)
        else:
            pause = None if isinstance(problem, PermanentFailure) else policy.pause(job.tries, self.chance())
            if pause is not None and isinstance(problem, RetryLater) and problem.after is not None:
                pause = problem.after
            retry_at = None if pause is None else now + timedelta(seconds=pause)
            error = _error_text(problem)
            still_claimed = await self.database.run(rows.fail, job, worker=self.name, error=error, retry_at=retry_at, now=now)
            if still_claimed:
                self.stats.count(job.kind, failed=True, dead=retry_at is None)
            _log_failed_try(job, error, problem, retry_at)
        self.stats.lease_lost += not still_claimed

    def _abandon(self, run: _Run) -> None:
        """Cancel a task whose job was claimed by another worker."""
        _log.warn(
            "Job {job_id} ({job_kind}) was claimed by another worker: its lease had expired",
            job_id=run.job.id,
            job_kind=run.job.kind,
        )
        self.stats.lease_lost += 1
        run.abandoned = True
        run.work.cancel()

    async def _release(self, run: _Run) -> None:
        run.abandoned = True
        run.work.cancel()
        self._runs.pop(run.job.id, None)
        try:
            await self.database.run(rows.release, run.job, worker=self.name, now=self.now())
            self.stats.released += 1
        except Exception:
            _log.failure("Job {job_id} could not be released; it will be claimed again when its lease expires", job_id=run.job.id)


class _TooLong(Exception):
    pass


_EXPECTED_ERRORS = (PermanentFailure, RetryLater, Unavailable, _TooLong)  # no bugs: logged in one line, without traceback


def _too_long(_: object, seconds: float) -> None:
    raise _TooLong(f"The job took longer than {seconds:g} seconds.")


def _error_text(problem: BaseException) -> str:
    return str(problem) if isinstance(problem, _EXPECTED_ERRORS) else f"{type(problem).__name__}: {problem}"


def _log_failed_try(job: Job, error: str, problem: BaseException, retry_at: datetime | None) -> None:
    _log.warn(
        "Job {job_id} ({job_kind}) failed, try {attempt}: {reason} Next try: {retry_at}",
        event="job_failed",
        job_id=job.id,
        job_kind=job.kind,
        attempt=job.tries,
        reason=f"{error.rstrip('.')}.",
        retry_at="none" if retry_at is None else f"{retry_at:%Y-%m-%dT%H:%M:%SZ}",
        **({} if isinstance(problem, _EXPECTED_ERRORS) else {"log_failure": Failure(problem)}),
    )


def _finished() -> Deferred[None]:
    done: Deferred[None] = Deferred()
    done.callback(None)
    return done


def _after(clock: IReactorTime, seconds: float) -> Deferred[None]:
    """Return a cancellable Deferred that fires after `seconds`."""
    later: Deferred[Any] = Deferred(lambda _: call.cancel())
    call = clock.callLater(seconds, later.callback, None)
    return later

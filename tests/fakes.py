"""Small products of their own that stand where something slow, outside or irrevocable would be."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from microblog.adapters.ffmpeg import FfmpegTools
from microblog.adapters.media_processing import DirectoryMediaStore
from microblog.adapters.subprocess_runner import ProcessResult
from microblog.application.services import ExternalServices
from microblog.domain import notify
from microblog.domain.passwords import Passwords
from microblog.model.emails import DeliveryResult, DeliveryStatus, Envelope
from microblog.model.errors import Unavailable
from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Transactions, fetch_all

P = ParamSpec("P")
T = TypeVar("T")


@define
class RolledBackDatabase:
    """What `Database` gives, on one cursor whose transaction is rolled back when the test is over.

    Each command has a savepoint, so one that fails undoes only itself. Looking refuses to write, as it does on the site.
    Whom a post concerns is told right after the command, as by a quick worker; without `telling` the job waits, as by a slow one.
    Nothing waits: see `done`. While it is `away`, commands fail as they do when PostgreSQL cannot be reached.
    """

    cursor: Cursor
    committed: Callable[[], None] = lambda: None
    away: bool = False
    telling: bool = True

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`; a failure takes back what it did."""
        if self.away:
            raise Unavailable("The database cannot be reached at the moment. Please try again soon.")
        self.cursor.execute("savepoint command")
        try:
            result = f(self.cursor, *args, **kwargs)
        except BaseException:
            self.cursor.execute("rollback to savepoint command")
            raise
        finally:
            self.cursor.execute("release savepoint command")
        if self.telling:
            await tell(self, promised(self.cursor))
        self.committed()
        return result

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`, which cannot write."""
        self.cursor.execute("savepoint look; set local transaction_read_only = on")
        try:
            return f(self.cursor, *args, **kwargs)
        finally:
            self.cursor.execute("rollback to savepoint look; release savepoint look")


@frozen
class Promised:
    """Somebody's job to tell of a post."""

    post: PostId
    anew: list[AccountId] | None
    at: datetime


def promised(cursor: Cursor) -> list[Promised]:
    """Take the jobs that tell of posts."""
    sql = "delete from jobs where kind = %(kind)s and state = 'waiting' returning (payload->>'post')::bigint, payload->'anew', due_at"
    return sorted(fetch_all(cursor, Promised, sql, {"kind": notify.JOB}), key=lambda one: one.at)


async def tell(database: Transactions, jobs: Sequence[Promised]) -> None:
    """Do them, as a quick worker does."""
    for job in jobs:
        tellings = notify.PostNotifier(database, partial(_same, job.at))
        await (tellings.published(job.post) if job.anew is None else tellings.edited(job.post, [AccountId(int(id)) for id in job.anew]))


def _same(time: datetime) -> datetime:
    return time


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns or raises, where nothing in it has to wait."""
    results: list[T | Failure] = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    assert results, "It waits for something that this test does not bring about."
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result


@define
class Here:
    """A thread pool and its reactor in one, whose threads are the test's own: work is done before the call returns."""

    def callInThreadWithCallback(self, settled: Callable[[bool, object], object], work: Callable[..., object], *args: object) -> None:
        """Do the work now."""
        try:
            result = work(*args)
        except Exception:
            settled(False, Failure())
        else:
            settled(True, result)

    def callFromThread(self, f: Callable[..., object], *args: object) -> None:
        """Call it now."""
        f(*args)


def quick_passwords() -> Passwords:
    """Real argon2id at the least cost that it allows, without a thread."""
    return Passwords(Here(), PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID), threads=Here())


@define
class NoThrottle:
    """Lets everybody try, and remembers who failed, as (network, name)."""

    failures: list[tuple[str, str]] = field(factory=list)

    async def allow(self, network: str, name: str) -> None:
        """Fine."""

    async def failed(self, network: str, name: str) -> None:
        """Remember it."""
        self.failures.append((network, name))


@define
class WallClock:
    """A wall clock that stands still until it is told to go on. Call it for the time."""

    time: datetime

    def __call__(self) -> datetime:
        """The time."""
        return self.time

    def advance(self, **delta: float) -> None:
        """Go on by a timedelta's arguments, such as `minutes=5`."""
        self.time += timedelta(**delta)


async def run_here(command: Sequence[str], seconds: float) -> ProcessResult:
    """Run a program and wait for its end, whatever else waits."""
    try:
        ended = subprocess.run(command, capture_output=True, timeout=seconds, env={}, check=False)
    except subprocess.TimeoutExpired:
        return ProcessResult(False, b"", killed=True)
    return ProcessResult(ended.returncode == 0, ended.stdout, ended.stderr, -ended.returncode in (signal.SIGKILL, signal.SIGXCPU))


async def done_here(work: Callable[[], T]) -> T:
    """Do the work at once."""
    return work()


async def no_pause(seconds: float) -> None:
    """Time that passes at once."""


def world(directory: Path) -> ExternalServices:
    """What services need of the world outside, kept below the directory."""
    return ExternalServices(studio(directory), no_pause)


def studio(directory: Path, *, films: bool = True) -> DirectoryMediaStore:
    """The real studio with its real programs, for tests whose reactor stands still."""
    return DirectoryMediaStore(directory / "media", run_here, done_here, FfmpegTools.found() if films else None)


@define
class KeptMail:
    """A post office that keeps what it gets, and answers as it is told to."""

    taken: list[Envelope] = field(factory=list)
    answer: DeliveryResult = field(factory=lambda: DeliveryResult(DeliveryStatus.SENT, "250 OK"))
    description: str = "here"

    async def deliver(self, envelope: Envelope) -> DeliveryResult:
        """Keep it."""
        self.taken.append(envelope)
        return self.answer

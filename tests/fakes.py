"""Working fakes of what is slow, external or irreversible."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from argon2 import PasswordHasher, Type
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from microblog.adapters.ffmpeg import FfmpegTools
from microblog.adapters.file_directory import DirectoryFileStore
from microblog.adapters.media_processing import MediaProcessor
from microblog.adapters.subprocess_runner import ProcessResult
from microblog.application.services import ExternalServices
from microblog.domain import notify
from microblog.domain.passwords import Passwords
from microblog.domain.ports import MediaStore
from microblog.model.emails import DeliveryResult, DeliveryStatus, Envelope
from microblog.model.errors import Unavailable
from microblog.model.ids import AccountId, PostId
from microblog.storage.database import Cursor, Transactions, fetch_all

P = ParamSpec("P")
T = TypeVar("T")


@define
class RolledBackDatabase:
    """The interface of `Database` on one cursor whose transaction is rolled back after the test.

    Each command has a savepoint, so a failing one undoes only itself. Queries cannot write, as on the site.
    Notification jobs of posts run right after the command; without `runs_notification_jobs` they stay in the queue.
    No method waits: see `result_of`. While it is `unreachable`, commands fail as if PostgreSQL could not be reached.
    """

    cursor: Cursor
    committed: Callable[[], None] = lambda: None
    unreachable: bool = False
    runs_notification_jobs: bool = True
    running: int = field(init=False, default=0)  # transactions

    async def run(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`; a failure undoes its changes."""
        if self.unreachable:
            raise Unavailable("The database cannot be reached at the moment. Please try again soon.")
        self.cursor.execute("savepoint command")
        self.running += 1
        try:
            result = f(self.cursor, *args, **kwargs)
        except BaseException:
            self.cursor.execute("rollback to savepoint command")
            raise
        finally:
            self.running -= 1
            self.cursor.execute("release savepoint command")
        if self.runs_notification_jobs:
            await run_notification_jobs(self, take_notification_jobs(self.cursor))
        self.committed()
        return result

    async def read(self, f: Callable[Concatenate[Cursor, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(cursor, ...)`, which cannot write."""
        self.cursor.execute("savepoint read; set local transaction_read_only = on")
        self.running += 1
        try:
            return f(self.cursor, *args, **kwargs)
        finally:
            self.running -= 1
            self.cursor.execute("rollback to savepoint read; release savepoint read")


@frozen
class NotificationJob:
    """A job that notifies people of a post."""

    post: PostId
    newly_mentioned: list[AccountId] | None
    at: datetime


def take_notification_jobs(cursor: Cursor) -> list[NotificationJob]:
    """Remove and return the notification jobs of posts."""
    sql = "delete from jobs where kind = %(kind)s and state = 'waiting' returning (payload->>'post')::bigint, payload->'anew', due_at"
    return sorted(fetch_all(cursor, NotificationJob, sql, {"kind": notify.JOB}), key=lambda one: one.at)


async def run_notification_jobs(database: Transactions, jobs: Sequence[NotificationJob]) -> None:
    """Run notification jobs at once."""
    for job in jobs:
        notifier = notify.PostNotifier(database, partial(_same, job.at))
        await (
            notifier.published(job.post)
            if job.newly_mentioned is None
            else notifier.edited(job.post, [AccountId(int(id)) for id in job.newly_mentioned])
        )


def _same(time: datetime) -> datetime:
    return time


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that never waits, or raise its error."""
    results: list[T | Failure] = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    assert results, "It waits for something that this test does not bring about."
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result


@define
class SynchronousThreadPool:
    """A thread pool and its reactor in one that run all work in the calling thread."""

    def callInThreadWithCallback(self, settled: Callable[[bool, object], object], work: Callable[..., object], *args: object) -> None:
        """Run the work now."""
        try:
            result = work(*args)
        except Exception:
            settled(False, Failure())
        else:
            settled(True, result)

    def callFromThread(self, f: Callable[..., object], *args: object) -> None:
        """Call it now."""
        f(*args)


def quick_passwords(site_words: tuple[str, ...] = ()) -> Passwords:
    """Return real argon2id hashing at its lowest cost, without threads."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID)
    return Passwords(SynchronousThreadPool(), hasher, threads=SynchronousThreadPool(), site_words=site_words)


@define
class NoThrottle:
    """A login throttle that allows all attempts and records failed ones as (network, name)."""

    failures: list[tuple[str, str]] = field(factory=list)

    async def allow(self, network: str, name: str) -> None:
        """Allow the attempt."""

    async def failed(self, network: str, name: str) -> None:
        """Record the failure."""
        self.failures.append((network, name))


@define
class WallClock:
    """A wall clock that stands still until it is advanced. Call it for the time."""

    time: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time

    def advance(self, **delta: float) -> None:
        """Advance by a timedelta's arguments, such as `minutes=5`."""
        self.time += timedelta(**delta)


async def run_blocking(command: Sequence[str], seconds: float) -> ProcessResult:
    """Run a program and block until it ends."""
    try:
        ended = subprocess.run(command, capture_output=True, timeout=seconds, env={}, check=False)
    except subprocess.TimeoutExpired:
        return ProcessResult(False, b"", killed=True)
    return ProcessResult(ended.returncode == 0, ended.stdout, ended.stderr, -ended.returncode in (signal.SIGKILL, signal.SIGXCPU))


async def run_inline(work: Callable[[], T]) -> T:
    """Run the work at once."""
    return work()


async def no_sleep(seconds: float) -> None:
    """Return at once instead of sleeping."""


DiskMediaStore: TypeAlias = MediaProcessor[DirectoryFileStore]


def external_services(directory: Path) -> ExternalServices:
    """Return the external services, with their files below the directory."""
    return ExternalServices(media_store(directory), no_sleep)


def media_store(directory: Path, *, films: bool = True) -> DiskMediaStore:
    """Return the real media store with its real programs, for tests without a running reactor."""
    files = DirectoryFileStore(directory / "media", run_inline)
    return MediaProcessor(files, run_blocking, run_inline, FfmpegTools.found() if films else None)


def disk_of(media_store: MediaStore) -> DirectoryFileStore:
    """Return the directory of the real media store."""
    assert isinstance(media_store.files, DirectoryFileStore)
    return media_store.files


@define
class MailboxTransport:
    """A mail transport that records each e-mail and returns `result`."""

    delivered: list[Envelope] = field(factory=list)
    result: DeliveryResult = field(factory=lambda: DeliveryResult(DeliveryStatus.SENT, "250 OK"))
    description: str = "here"

    async def deliver(self, envelope: Envelope) -> DeliveryResult:
        """Keep the message."""
        self.delivered.append(envelope)
        return self.result

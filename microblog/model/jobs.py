"""Background jobs, enqueued in the transaction of a command and run after it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import JobId


class JobState(StrEnum):
    """State of a job: waiting -> running -> done; back to waiting after a failure, dead after the last attempt."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@frozen
class Job:
    """A job as a worker claims it. `tries` includes the current attempt. `payload` holds only JSON values.

    `request_id` is that of the request that caused it, directly or through other jobs.

    Jobs of one kind with the same `key` are the same work: at most one of them is waiting and at most one running.
    """

    id: JobId
    kind: str
    payload: Mapping[str, object]
    tries: int
    state: JobState
    due_at: datetime
    created_at: datetime
    lease_until: datetime | None = None
    last_error: str = ""
    key: str | None = None
    worker: str | None = None
    finished_at: datetime | None = None
    request_id: str | None = None

    def id_of(self, name: str) -> int:
        """Return an id in the payload. Raises PermanentFailure if there is none with this name."""
        text = self.text_of(name)
        if not text.isdecimal():
            raise PermanentFailure(f"The job's payload has no id for {name}.")
        return int(text)

    def text_of(self, name: str) -> str:
        """Return a text in the payload. Raises PermanentFailure if there is none with this name."""
        value = self.payload.get(name)
        if not isinstance(value, str):
            raise PermanentFailure(f"The job's payload has no text for {name}.")
        return value


@frozen
class JobCounts:
    """Number of jobs by state. `retrying` are the waiting ones that failed before; `oldest_due` is when the most overdue one was due."""

    waiting: int = 0
    running: int = 0
    retrying: int = 0
    dead: int = 0
    oldest_due: datetime | None = None


class PermanentFailure(Exception):
    """Raised by a task when no retry can succeed: the job is dead at once. The text says why."""


class RetryLater(Exception):
    """Raised by a task that failed for a known reason and may succeed later. The text says why.

    `after` is the delay in seconds; None uses the task's retry policy.
    """

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(reason)

"""Work that was promised in a command's own transaction and is done after it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import JobId


class JobState(StrEnum):
    """waiting -> running -> done, back to waiting after a failure, dead after the last try."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@frozen
class Job:
    """A job as a worker gets it. `tries` counts this one. `payload` holds only JSON values.

    Jobs of one kind with the same `key` are the same work: at most one of them waits and at most one runs.
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


@frozen
class JobCounts:
    """How much there is to do. `retrying` are those of `waiting` that failed before; `oldest_due` is the longest overdue."""

    waiting: int = 0
    running: int = 0
    retrying: int = 0
    dead: int = 0
    oldest_due: datetime | None = None


class PermanentFailure(Exception):
    """A task raises it where another try cannot succeed: the job is dead at once, and the text says why."""


class RetryLater(Exception):
    """A task raises it where it failed for a reason that it knows, and another try may succeed. The text says why.

    `after` is in how many seconds, where the task knows that better than its plan.
    """

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(reason)

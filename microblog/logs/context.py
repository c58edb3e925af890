"""The request or job that causes what happens now. Log events, transactions and the jobs that they enqueue carry its id.

The context travels with coroutines (each Deferred of a coroutine copies the contextvars of its caller) and into the database's threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar

from attrs import define


@define(eq=False)
class LogContext:
    """Fields of all events that a request or a job causes; None: unknown, or not logged. Named as in `field_names`.

    It outlives its request in whatever the request started, so it holds nothing large.
    """

    request_id: str | None = None
    user_id: int | None = None
    route: str | None = None
    job_id: int | None = None
    job_kind: str | None = None

    def known(self) -> Iterator[tuple[str, str | int]]:
        """Yield names and values of the fields that are known."""
        for name in ("request_id", "user_id", "route", "job_id", "job_kind"):
            value = getattr(self, name)
            if value is not None:
                yield name, value


log_context: ContextVar[LogContext | None] = ContextVar("microblog_log_context", default=None)


def request_id() -> str | None:
    """Return the id of the request that causes what happens now, directly or through a job; None without one."""
    current = log_context.get()
    return None if current is None else current.request_id

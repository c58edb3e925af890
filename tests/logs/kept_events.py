"""Log events that are kept for a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher

from microblog.logs.context import log_context


@contextmanager
def kept_events(name: str) -> Iterator[list[LogEvent]]:
    """Return a list that gets the events of this name, with the fields of the request or job that they belong to."""
    found: list[LogEvent] = []

    def keep(event: LogEvent) -> None:
        if event.get("event") == name:
            current = log_context.get()
            found.append(event | dict(current.known() if current is not None else ()))

    observer = cast("ILogObserver", keep)
    globalLogPublisher.addObserver(observer)
    try:
        yield found
    finally:
        globalLogPublisher.removeObserver(observer)

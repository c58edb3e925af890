"""Waiting on the reactor for something that has no Deferred of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

_clock = cast(IReactorTime, reactor)


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Let the reactor run until the condition is true. Raises AssertionError if it is not within that time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await deferLater(_clock, 0.01)

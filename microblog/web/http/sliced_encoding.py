"""Processing of long lists in slices, between which the reactor handles other events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from twisted.internet.task import cooperate

T = TypeVar("T")
U = TypeVar("U")

MAX_SINGLE_SLICE = 100
"""Maximum number of items that are processed without a pause."""


async def map_in_slices(items: Iterable[T], function: Callable[[T], U]) -> list[U]:
    """Apply `function` to each item, in order; for a long list in slices of a few milliseconds."""
    items = list(items)
    if len(items) <= MAX_SINGLE_SLICE:
        return list(map(function, items))
    results: list[U] = []

    def steps() -> Iterator[None]:
        for item in items:
            results.append(function(item))
            yield

    await cooperate(steps()).whenDone()
    return results

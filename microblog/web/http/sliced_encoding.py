"""Processing of long lists in slices, between which the reactor handles other events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from twisted.internet.task import cooperate

T = TypeVar("T")
U = TypeVar("U")

AT_ONCE = 100
"""Maximum number of items that are processed without a pause."""


async def each_in_turn(items: Iterable[T], make: Callable[[T], U]) -> list[U]:
    """Apply `make` to each item, in order; for a long list in slices of a few milliseconds."""
    items = list(items)
    made: list[U] = []

    def steps() -> Iterator[None]:
        for item in items:
            made.append(make(item))
            yield

    if len(items) <= AT_ONCE:
        return list(map(make, items))
    await cooperate(steps()).whenDone()
    return made

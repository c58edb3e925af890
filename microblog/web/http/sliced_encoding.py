"""Long lists are made in pieces, between which the reactor serves others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from twisted.internet.task import cooperate

T = TypeVar("T")
U = TypeVar("U")

AT_ONCE = 100
"""So many take little enough time to be made in one piece."""


async def each_in_turn(items: Iterable[T], make: Callable[[T], U]) -> list[U]:
    """`make` of each item, in their order. Of a long list only for some milliseconds at a time."""
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

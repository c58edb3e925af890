"""The in-process caches: their names, how to turn them off, and statistics with an estimate of their memory use."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterable
from enum import Enum
from itertools import islice
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Protocol, runtime_checkable

from attrs import frozen

CACHES = frozenset(
    {
        "account_json",
        "account_names",
        "accounts",
        "announcements",
        "emojis",
        "filters",
        "flags",
        "followed_tags",
        "followers",
        "lists",
        "media_access",
        "notification_groups",
        "notifications",
        "notifications_state",
        "pages",
        "pinned_posts",
        "post_html",
        "post_json",
        "posts",
        "relationships",
        "rows_html",
        "sessions",
        "shells",
        "suggestions",
        "threads",
        "timelines",
        "tokens",
        "trends",
        "unread_counts",
        "viewers",
    }
)
"""The names of all caches, as in metrics and in the setting that turns them off."""
SAMPLE_SIZE = 10  # entries measured per estimate
MAX_OBJECTS = 20_000  # objects visited per estimate
_SHARED = (type, Enum, ModuleType, FunctionType, BuiltinFunctionType)  # objects of these types belong to the process, not to a cache


@frozen
class CacheFigures:
    """Hits and misses of a cache since the process started, with its current number of entries and size."""

    name: str
    hits: int
    misses: int
    entries: int
    bytes: int


class Cache(Protocol):
    """An in-process cache, or a log for caches, that reports statistics."""

    def figures(self) -> CacheFigures:
        """Return the current statistics."""


@runtime_checkable
class BoundedCache(Cache, Protocol):
    """A cache that is off, and holds nothing, if its `capacity` is 0."""

    capacity: int


def turn_off_others(caches: Iterable[Cache], on: Collection[str]) -> None:
    """Turn off every cache, none of which holds anything yet, except those with these names."""
    for cache in caches:
        if isinstance(cache, BoundedCache) and cache.figures().name not in on:
            cache.capacity = 0


def estimated_bytes(values: Collection[object]) -> int:
    """Estimate the memory of the values in bytes by measuring a sample of them with everything they refer to."""
    sample = list(islice(values, SAMPLE_SIZE))
    return round(_bytes(sample) * len(values) / len(sample)) if sample else 0


def _bytes(values: list[object]) -> int:
    seen: set[int] = set()
    todo, total = list(values), 0
    while todo and len(seen) < MAX_OBJECTS:
        value = todo.pop()
        if id(value) in seen or isinstance(value, _SHARED):
            continue
        seen.add(id(value))
        total += sys.getsizeof(value)
        todo += gc.get_referents(value)
    return total

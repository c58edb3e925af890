"""Figures of the in-process caches, and how much memory their values take."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection
from enum import Enum
from itertools import islice
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Protocol

from attrs import frozen

SAMPLE_SIZE = 10  # entries that are measured for an estimate
MAX_OBJECTS = 20_000  # that are looked at for one
_SHARED = (type, Enum, ModuleType, FunctionType, BuiltinFunctionType)  # by all values of the process: no cache's own


@frozen
class CacheFigures:
    """How often a cache had what was asked for since the process began, and what it holds now."""

    name: str
    hits: int
    misses: int
    entries: int
    bytes: int


class Cache(Protocol):
    """Anything that keeps values in memory to save work."""

    def figures(self) -> CacheFigures:
        """Its figures now."""


def estimated_bytes(values: Collection[object]) -> int:
    """About how much memory the values take: a few of them are measured, with everything that they refer to."""
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

"""Components of the application."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from microblog.lifecycle import GC_THRESHOLDS, SWITCH_INTERVAL_S, GarbageCollectionComponent, ThreadSwitchComponent


@pytest.fixture(autouse=True)
def _as_python_starts() -> Iterator[None]:
    """Collect garbage as Python does by default, and then again as in other tests."""
    others = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    yield
    gc.set_threshold(*others)
    gc.freeze()


def test_what_exists_at_the_start_is_not_looked_at_by_garbage_collection_until_the_stop() -> None:
    before, component = gc.get_threshold(), GarbageCollectionComponent()
    component.start()
    try:
        assert gc.get_threshold() == GC_THRESHOLDS
        assert gc.get_freeze_count() > 10_000
    finally:
        component.stop()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_cycles_of_objects_made_later_are_still_freed() -> None:
    class Node:
        freed = 0

        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            Node.freed += 1

    component = GarbageCollectionComponent()
    component.start()
    try:
        for _ in range(3 * GC_THRESHOLDS[0]):
            Node()
        assert Node.freed > GC_THRESHOLDS[0]
    finally:
        component.stop()


def test_threads_take_short_turns_until_the_stop() -> None:
    before, component = sys.getswitchinterval(), ThreadSwitchComponent()
    component.start()
    try:
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
        assert before > SWITCH_INTERVAL_S
    finally:
        component.stop()
    assert sys.getswitchinterval() == before

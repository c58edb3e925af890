"""Components of the application."""

from __future__ import annotations

import gc

from microblog.lifecycle import GC_THRESHOLDS, GarbageCollectionComponent


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

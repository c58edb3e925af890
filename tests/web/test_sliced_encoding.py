"""Encoding of long lists in slices, between which the reactor runs."""

from __future__ import annotations

import time

from twisted.internet.task import LoopingCall

from microblog.web.http.sliced_encoding import MAX_SINGLE_SLICE, map_in_slices


def slow(number: int) -> int:
    time.sleep(0.001)
    return -number


async def test_encoding_a_long_list_yields_to_the_reactor() -> None:
    turns: list[float] = []
    others = LoopingCall(lambda: turns.append(time.monotonic()))
    others.start(0.001)
    encoded = await map_in_slices(range(5 * MAX_SINGLE_SLICE), slow)
    others.stop()
    assert encoded == [-number for number in range(5 * MAX_SINGLE_SLICE)]
    assert len(turns) > 10
    assert await map_in_slices(range(3), slow) == [0, -1, -2]

"""Tests of the memory estimate of cached values."""

from __future__ import annotations

from attrs import frozen

from microblog.model.caches import SAMPLE_SIZE, estimated_bytes
from microblog.model.posts import Visibility


@frozen
class Value:
    text: str
    parts: tuple[bytes, ...]
    visibility: Visibility = Visibility.PUBLIC


def values(count: int, length: int) -> dict[int, Value]:
    return {number: Value("x" * length + str(number), (b"y" * length + b"%d" % number,)) for number in range(count)}


def test_no_values_take_no_memory() -> None:
    assert estimated_bytes([]) == 0


def test_referenced_values_are_counted() -> None:
    assert 20_000 < estimated_bytes(values(1, 10_000).values()) < 21_000


def test_many_values_are_estimated_from_a_sample() -> None:
    few, many = (estimated_bytes(values(count, 1_000).values()) for count in (SAMPLE_SIZE, 100 * SAMPLE_SIZE))
    assert abs(many - 100 * few) < many / 100


def test_shared_values_are_counted_once() -> None:
    shared = b"y" * 100_000
    assert estimated_bytes([Value(str(number), (shared,)) for number in range(SAMPLE_SIZE)]) < 110_000

"""Reads that are repeated after each change."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from microblog.domain.caching.reread import RETRY_S, Rereader


@define(eq=False)
class Source:
    """Something that is read, whose reads and pauses end when the test says so."""

    reads: list[Deferred[None]] = field(factory=list)
    pauses: list[tuple[float, Deferred[None]]] = field(factory=list)

    async def read(self) -> None:
        self.reads.append(Deferred())
        await self.reads[-1]

    async def pause(self, seconds: float) -> None:
        self.pauses.append((seconds, Deferred()))
        await self.pauses[-1][1]


def rereader(source: Source) -> Rereader:
    return Rereader(source.read, source.pause, "The rules")


def test_changes_during_a_read_are_followed_by_one_more_read() -> None:
    source = Source()
    reader = rereader(source)
    for _ in range(3):
        reader.changed()
    assert len(source.reads) == 1
    source.reads[0].callback(None)
    assert len(source.reads) == 2
    source.reads[1].callback(None)
    assert len(source.reads) == 2
    reader.changed()
    assert len(source.reads) == 3


def test_a_failed_read_is_logged_and_repeated_after_a_pause() -> None:
    source = Source()
    reader = rereader(source)
    with capturedLogs() as logged:
        reader.changed()
        source.reads[0].errback(OSError("gone"))
    assert [event["subject"] for event in logged] == ["The rules"]
    assert [seconds for seconds, _ in source.pauses] == [RETRY_S]
    assert len(source.reads) == 1
    source.pauses[0][1].callback(None)
    assert len(source.reads) == 2


def test_nothing_is_read_after_the_stop() -> None:
    source = Source()
    reader = rereader(source)
    reader.changed()
    reader.changed()
    reader.stop()
    source.reads[0].callback(None)
    reader.changed()
    assert len(source.reads) == 1
    reader.start()
    reader.changed()
    assert len(source.reads) == 2

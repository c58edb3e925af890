"""Long documents are parsed in a thread, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, current_thread, main_thread

import pytest
from attrs import Factory, define, field
from twisted.internet import reactor as real
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from microblog.federation.incoming import parse_activity
from microblog.federation.long_documents import BUSY, BYTES_PER_SECOND, LONG, LongDocuments
from microblog.model.errors import Unavailable
from microblog.model.federation import InvalidDocument
from tests.fakes import result_of
from tests.waiting import until
from tests.web.visitor import SynchronousReactor

BODY = b"x" * LONG


@define
class Parser:
    """A parser that waits to be told to go on, and records how many parse at the same time."""

    go_on: Event = Factory(Event)
    running: list[int] = Factory(list)
    most: int = 0
    in_reactor: list[bool] = field(factory=list)

    def __call__(self, body: bytes) -> int:
        """Parse."""
        self.running.append(1)
        self.most = max(self.most, len(self.running))
        self.in_reactor.append(current_thread() is main_thread())
        self.go_on.wait(10)
        self.running.pop()
        return len(body)


@pytest.fixture
def parser() -> Iterator[Parser]:
    parser = Parser()
    yield parser
    parser.go_on.set()


async def test_at_most_one_long_document_is_parsed_at_a_time(parser: Parser) -> None:
    documents = LongDocuments(real)
    waiting = [Deferred.fromCoroutine(documents.parse(parser, BODY)) for _ in range(4)]
    await until(lambda: parser.running)
    parser.go_on.set()
    assert await gatherResults(waiting) == [LONG] * 4
    assert (parser.most, parser.in_reactor) == (1, [False] * 4)


async def test_a_sender_who_leaves_does_not_let_a_second_document_in(parser: Parser) -> None:
    documents = LongDocuments(real)
    left = Deferred.fromCoroutine(documents.parse(parser, BODY)).addErrback(lambda cancelled: None)
    await until(lambda: parser.running)
    left.cancel()
    second = Deferred.fromCoroutine(documents.parse(parser, BODY))
    await deferToThread(lambda: None)  # the pool has a free thread
    assert len(parser.in_reactor) == 1
    parser.go_on.set()
    assert await second == LONG
    assert parser.most == 1


async def test_one_network_takes_its_share_only(parser: Parser) -> None:
    documents = LongDocuments(real, capacity=4, share=2)
    waiting = [Deferred.fromCoroutine(documents.parse(parser, BODY, delivered_by="192.0.2.1")) for _ in range(2)]
    with pytest.raises(Unavailable):
        await documents.parse(parser, BODY, delivered_by="192.0.2.1")
    waiting.append(Deferred.fromCoroutine(documents.parse(parser, BODY, delivered_by="198.51.100.1")))
    parser.go_on.set()
    assert await gatherResults(waiting) == [LONG] * 3
    assert await documents.parse(parser, BODY, delivered_by="192.0.2.1") == LONG


async def test_a_delivery_is_refused_while_too_many_wait_and_what_this_site_asked_for_is_not(parser: Parser) -> None:
    documents = LongDocuments(real, capacity=2)
    waiting = [Deferred.fromCoroutine(documents.parse(parser, BODY, delivered_by="192.0.2.1")) for _ in range(2)]
    with pytest.raises(Unavailable) as raised:
        await documents.parse(parser, BODY, delivered_by="192.0.2.1")
    assert raised.value.sentence == BUSY
    waiting.append(Deferred.fromCoroutine(documents.parse(parser, BODY)))
    assert await documents.parse(len, b"short", delivered_by="192.0.2.1") == 5
    parser.go_on.set()
    await gatherResults(waiting)
    assert await documents.parse(len, BODY, delivered_by="192.0.2.1") == LONG


def test_a_pause_after_each_limits_the_bytes_per_second() -> None:
    clock = SynchronousReactor()
    documents, parsed = LongDocuments(clock), list[int]()
    for _ in range(3):
        Deferred.fromCoroutine(documents.parse(len, BODY)).addCallback(parsed.append)
    assert len(parsed) == 1
    clock.advance(LONG / BYTES_PER_SECOND * 0.9)
    assert len(parsed) == 1
    clock.advance(LONG / BYTES_PER_SECOND * 0.2)
    assert len(parsed) == 2


def test_a_document_that_cannot_be_read_makes_way_for_the_next() -> None:
    clock = SynchronousReactor()
    documents = LongDocuments(clock)
    for _ in range(2):
        with pytest.raises(InvalidDocument):
            result_of(documents.parse(parse_activity, BODY))
        clock.advance(1)

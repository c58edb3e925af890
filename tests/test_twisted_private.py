"""Private names of Twisted are used in one module only, and behave as it documents."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

import ast
import importlib
import inspect
import socket
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from attrs import define, field
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.python.failure import Failure
from twisted.web import http

from microblog import twisted_private
from tests.test_architecture import MODULES, PACKAGE, ROOT, nodes

TWISTED_PRIVATE = PACKAGE / "twisted_private.py"
HOOKS = {"_finishRequestBody", "_respondToBadRequestAndDisconnect"}
LIBRARIES = ("twisted", "klein", "txredisapi", "treq")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(of: Iterable[ast.AST]) -> set[str]:
    """Return the private instance names that a class body sets, reads, annotates or defines."""
    found: set[str] = set()
    for node in of:
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if is_private(name)}


@cache
def own_private_names(cls: type) -> set[str]:
    """Return the private names of one class without its bases."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # made by attrs, or in C
        return {name for name in vars(cls) if is_private(name)}
    return private_names(ast.walk(ast.parse(source)))


def subclasses_of_libraries() -> Iterator[type]:
    """Yield our classes that extend one of Twisted or of a library built on it."""
    for path in MODULES:
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        for _, cls in inspect.getmembers(module, inspect.isclass):
            bases = [base for base in cls.__mro__ if base.__module__.split(".")[0] in LIBRARIES]
            if cls.__module__ == module.__name__ and bases:
                yield cls


def declared() -> set[str]:
    """Return the names that twisted_private.py declares."""
    return {name for cls in (twisted_private.TwistedHTTPChannel, twisted_private.TwistedRequest) for name in cls.__annotations__} | HOOKS


def shared_names(cls: type) -> set[str]:
    """Return the private names that our class and one of its library bases both use."""
    ours: set[str] = set()
    theirs: set[str] = set()
    for each in cls.__mro__:
        if each.__module__.startswith("microblog."):
            ours |= own_private_names(each)
        elif each.__module__.split(".")[0] in LIBRARIES:
            theirs |= own_private_names(each)
    return ours & theirs


def test_every_private_name_shared_with_twisted_is_declared() -> None:
    found = {f"{cls.__module__}.{cls.__qualname__}": shared_names(cls) - declared() for cls in subclasses_of_libraries()}
    assert "microblog.web.http.protocol.HttpChannel" in found
    assert {name: shared for name, shared in found.items() if shared} == {}


def test_a_clashing_private_name_is_detected() -> None:
    class Clash(http.HTTPChannel):
        _transferDecoder = "ours"  # noqa: N815 - Twisted's name

    Clash.__module__ = "microblog.example"
    assert shared_names(Clash) == {"_transferDecoder"}


def test_no_other_module_uses_private_attributes_of_other_modules() -> None:
    found = []
    for path in MODULES:
        own = private_names(nodes(path))
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno} {node.attr}"
            for node in nodes(path)
            if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own and path != TWISTED_PRIVATE
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", "os", "sys"})
        ]
    assert found == []


def test_nothing_private_is_imported() -> None:
    found = []
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LIBRARIES:
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                found += [f"{path.relative_to(ROOT)}:{node.lineno} {name}" for name in names if name.startswith("_")]
    assert found == []


@define(eq=False)
class Recorder:
    """A recorder of a channel's requests and hook calls."""

    seen: list[tuple[str, Any]] = field(factory=list)


def channel_of(recorder: Recorder) -> tuple[Any, StringTransport]:
    """Return Twisted's own channel, with requests that record its state and wait."""

    class Waiting(twisted_private.TwistedRequest):
        def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
            recorder.seen.append(("request", (command, path, version)))

    class Plain(twisted_private.TwistedHTTPChannel):
        requestFactory = Waiting  # noqa: N815 - Twisted's name

        def allHeadersReceived(self) -> None:
            recorder.seen.append(("head", (self._command, self._path, self._version)))
            super().allHeadersReceived()

        def _finishRequestBody(self, data: bytes) -> None:
            recorder.seen.append(("body ends", data))
            super()._finishRequestBody(data)

        def _respondToBadRequestAndDisconnect(self) -> None:
            recorder.seen.append(("bad", None))

    channel: Any = Plain()
    transport = StringTransport()
    channel.site = http.HTTPFactory()
    channel.timeOut = None
    channel.makeConnection(transport)
    return channel, transport


def test_a_request_head_is_stored_as_command_path_version_and_size() -> None:
    recorder = Recorder()
    channel, _ = channel_of(recorder)
    assert channel._receivedHeaderSize == 0
    channel.dataReceived(b"GET /a?b HTTP/1.1\r\nHost: x\r\nHalf")
    assert (channel._command, channel._path, channel._version) == (b"GET", b"/a?b", b"HTTP/1.1")
    assert channel._receivedHeaderSize == len(b"GET /a?b HTTP/1.1Host: x")
    assert channel._buffer == b"Half"
    channel.dataReceived(b"-Name: x\r\n\r\n")
    assert recorder.seen == [("head", (b"GET", b"/a?b", b"HTTP/1.1")), ("request", (b"GET", b"/a?b", b"HTTP/1.1"))]


def test_the_request_has_the_rewritten_path() -> None:
    recorder = Recorder()
    channel, _ = channel_of(recorder)
    channel.dataReceived(b"GET /a HTTP/1.1\r\n")
    channel._path = b"/checked"
    channel.dataReceived(b"Host: x\r\n\r\n")
    assert recorder.seen[-1] == ("request", (b"GET", b"/checked", b"HTTP/1.1"))


def test_data_received_during_a_request_is_buffered_in_chunks() -> None:
    channel, _ = channel_of(Recorder())
    assert not channel._handlingRequest
    channel.dataReceived(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert channel._handlingRequest
    channel.dataReceived(b"GET /b")
    channel.dataReceived(b" HTTP/1.1")
    assert channel._dataBuffer == [b"GET /b", b" HTTP/1.1"]


def test_a_full_transport_is_reported_and_can_be_paused() -> None:
    channel, transport = channel_of(Recorder())
    assert not channel._waitingForTransport
    channel.pauseProducing()
    assert channel._waitingForTransport
    channel.resumeProducing()
    assert not channel._waitingForTransport
    channel._networkProducer.pauseProducing()
    assert transport.producerState == "paused"


def test_both_hooks_are_called_where_they_are_overridden() -> None:
    recorder = Recorder()
    channel, _ = channel_of(recorder)
    channel.dataReceived(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nnext")
    assert ("body ends", b"next") in recorder.seen
    channel.requests[0].content.close()
    wrong = Recorder()
    channel_of(wrong)[0].dataReceived(b"no request at all\r\n")
    assert ("bad", None) in wrong.seen


def test_a_disconnected_client_is_noticed() -> None:
    channel, _ = channel_of(Recorder())
    channel.dataReceived(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    request = channel.requests[0]
    assert not request._disconnected
    done = request.notifyFinish()
    done.addErrback(lambda _: None)
    request.connectionLost(Failure(ConnectionError()))
    assert request._disconnected


def test_a_buffer_size_follows_writes_and_reads() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        transport: Any = Connection(near, Protocol(), MemoryReactor())
        transport.connected = True
        assert not twisted_private.is_buffering(transport)
        length = 4_000_000
        transport.write(b"x" * length)
        assert twisted_private.is_buffering(transport)
        assert twisted_private.buffered_bytes(transport) == length
        transport.doWrite()
        transport.write(b"y" * 10)
        taken = length + 10 - twisted_private.buffered_bytes(transport)
        assert 0 < taken < length
        assert len(far.recv(length, socket.MSG_WAITALL | socket.MSG_DONTWAIT)) == taken

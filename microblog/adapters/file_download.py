"""Downloads into files: written as they arrive, and limited by what their first bytes turn out to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from microblog.model.cards import FetchError
from microblog.model.remote_requests import DownloadLimits

FIRST_BYTES = 64  # that decide about the limits
IDLE_S = 10.0  # without a byte


def save_body(response: IResponse, file: BinaryIO, limits: Callable[[bytes], DownloadLimits], most: int, reactor: Any) -> Deferred[None]:
    """Write the body to the file. `limits` is given the first bytes, and may raise FetchError; no body has more than `most` bytes.

    Raises FetchError if the body is too long, incomplete, or too slow.
    """
    if response.length is not None and isinstance(response.length, int) and response.length > most:
        raise FetchError(f"The file is longer than {most} bytes.")
    saver = _BodySaver(file, limits, reactor)
    response.deliverBody(saver)
    return saver.done


class _BodySaver(Protocol):
    """Writes a body to a file."""

    def __init__(self, file: BinaryIO, limits: Callable[[bytes], DownloadLimits], reactor: Any) -> None:
        self.file, self.limits_of, self.reactor = file, limits, reactor
        self.limits: DownloadLimits | None = None
        self.done: Deferred[None] = Deferred(lambda _: self._stop())
        self._first, self._size = b"", 0
        self._end: IDelayedCall | None = None
        self._idle: IDelayedCall = reactor.callLater(IDLE_S, self._too_slow)

    def dataReceived(self, data: bytes) -> None:
        """Write bytes; end at a limit."""
        if self.done.called:
            return
        self._idle.reset(IDLE_S)
        try:
            self._receive(data)
        except Exception:  # of the caller's limits, or of the disk
            self._fail(Failure())

    def _receive(self, data: bytes) -> None:
        if self.limits is None:
            self._first += data
            if len(self._first) < FIRST_BYTES:
                return
            self._begin()
            data, self._first = self._first, b""
        self._write(data)

    def _begin(self) -> None:
        self.limits = self.limits_of(self._first[:FIRST_BYTES])
        self._end = self.reactor.callLater(self.limits.seconds, self._too_slow)

    def _write(self, data: bytes) -> None:
        assert self.limits is not None
        self._size += len(data)
        if self._size > self.limits.bytes:
            raise FetchError(f"The file is longer than {self.limits.bytes} bytes.")
        self.file.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Finish, if the body is complete."""
        if self.done.called:
            return
        if not reason.check(ResponseDone, PotentialDataLoss):
            self._fail(Failure(FetchError("The connection was lost.", permanent=False)))
            return
        try:
            if self.limits is None:
                self._begin()
                self._write(self._first)
        except Exception:  # as above
            self._fail(Failure())
        else:
            self._stop()
            self.done.callback(None)

    def _too_slow(self) -> None:
        self._fail(Failure(FetchError("The file arrives too slowly.", permanent=False)))

    def _fail(self, reason: Failure) -> None:
        self._stop()
        if not self.done.called:
            self.done.errback(reason)

    def _stop(self) -> None:
        for call in (self._idle, self._end):
            if call is not None and call.active():
                call.cancel()

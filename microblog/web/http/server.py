"""The server's side of all connections: deadlines, the access log, request ids, and the graceful end."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.web.http import datetimeToString

from microblog.web.http.body_buffer import BodyBudget
from microblog.web.http.channel_request import ChannelRequest
from microblog.web.http.client_address import UNKNOWN, Address, Proxies
from microblog.web.http.network_limits import Caps, NetworkConnections, RequestRate
from microblog.web.http.protocol import HttpChannel
from microblog.web.http.reactor_turns import RequestTurns
from microblog.web.http.request_metrics import RequestMetrics
from microblog.web.http.timeouts import Timeouts

_TICK = 1.0
_DRAIN_STEP = 0.02
_MOST_LINES = 1_000


class Renders(Protocol):
    """What the server needs of the site."""

    @property
    def busy(self) -> bool:
        """True while something is still being worked on, whether somebody waits for it or not."""

    def render(self, request: ChannelRequest) -> None:
        """Answer a complete request."""

    def admit_body(self, request: ChannelRequest, decided: Callable[[tuple[int, str] | None], None]) -> None:
        """Find out who sends a large body whose head is here; call `decided` with status and sentence of a refusal, or None."""

    def body_limit(self, method: bytes, target: bytes, files: bool) -> int:
        """How many bytes a body may have here; `files` says whether it is a form that may hold files."""

    def refusal(self, status: int, sentence: str, target: bytes) -> tuple[bytes, bytes]:
        """Content type and body for a request that is refused before it is complete."""


class HttpServer(Factory):
    """Listens for a site. `access_log` takes text of whole lines; it is called once a second with all that came together.

    `budget`: what large bodies may take of the disk. `caps`: what one network may have. `wall` is the time of day, where the reactor's time
    is another.
    """

    noisy = False

    def __init__(
        self,
        site: Renders,
        reactor: IReactorTime,
        *,
        proxies: Proxies | None = None,
        patience: Timeouts | None = None,
        access_log: Callable[[str], object] | None = None,
        budget: BodyBudget | None = None,
        caps: Caps | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self.site = site
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.proxies = proxies or Proxies()
        self.patience = patience or Timeouts()
        self.access_log = access_log
        self.budget = budget or BodyBudget()
        caps = caps or Caps()
        self.request_rate = RequestRate(caps.requests, reactor.seconds) if caps.requests else None
        self.connections = NetworkConnections(caps.connections or sys.maxsize)
        self.turns = RequestTurns(reactor)
        self._wall = wall or reactor.seconds
        self.answered = RequestMetrics()
        self.draining = False
        self.channels: set[HttpChannel] = set()
        self._lines: list[str] = []
        self._ids = 0
        self._prefix = os.urandom(5).hex()
        self._ticking: IDelayedCall | None = None
        self._listening = False
        self._look_at_clock()

    def buildProtocol(self, addr: IAddress | None) -> HttpChannel:
        """A channel for a new connection."""
        channel = HttpChannel()
        channel.factory = channel.server = self
        return channel

    def startFactory(self) -> None:
        """The first port listens."""
        self._listening = True
        if self._ticking is None:
            self._tick()

    def stopFactory(self) -> None:
        """No port listens any more; connections that are open keep their deadlines."""
        self._listening = False
        if not self.channels:
            self._stop_ticking()

    def _look_at_clock(self) -> None:
        now = self._wall()
        self.date: bytes = datetimeToString(now)
        self._log_time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _tick(self) -> None:
        # planned before anything can go wrong: without ticks no deadline would be kept any more
        self._ticking = self.reactor.callLater(_TICK, self._tick) if self._listening or self.channels else None
        self._look_at_clock()
        now = self.seconds()
        for channel in [channel for channel in self.channels if channel.due is not None and channel.due <= now]:
            channel.expire()
        self.budget.look(now)
        self.flush_log()

    def _stop_ticking(self) -> None:
        self.flush_log()
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    # --- ids and log

    def request_id(self, given: str | None = None) -> str:
        """A new request id, or the one that a trusted proxy gave."""
        self._ids += 1
        return given or f"{self._prefix}-{self._ids:x}"

    def log(self, request: ChannelRequest) -> None:
        """Note one answered request, once: time, client, method, path without query, status, bytes, milliseconds, id."""
        if request.logged:
            return
        request.logged = True
        took = self.seconds() - request.began
        self.answered.count(request.method_name, request.code, took)
        if self.access_log is not None:
            sent = f"{request.code} {request.sentLength} {took * 1_000:.1f}ms"
            self._note(f"{request.address} {request.method_name} {request.label} {sent} {request.id}")

    def _note(self, line: str) -> None:
        self._lines.append(f"{self._log_time} {line}\n")
        if len(self._lines) >= _MOST_LINES:
            self.flush_log()

    def flush_log(self) -> None:
        """Write what was noted."""
        if self._lines and self.access_log is not None:
            lines, self._lines = self._lines, []
            self.access_log("".join(lines))

    def refusal(self, status: int, sentence: str, target: bytes, peer: Address | None, retry_after: int) -> bytes:
        """The whole response to a request that is refused before it is complete. Only 429 and 503 say when to come back."""
        number = self.request_id()
        content_type, body = self.site.refusal(status, sentence, target)
        if self.access_log is not None:
            self._note(f"{peer or UNKNOWN} - - {status} {len(body)} - {number}")
        return b"".join(
            (
                b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode("ascii")),
                b"Date: %s\r\nConnection: close\r\n" % self.date,
                b"Retry-After: %d\r\n" % retry_after if status in (429, 503) else b"",
                b"Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
                b"Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'\r\n",
                b"Content-Type: %s\r\nContent-Length: %d\r\n" % (content_type, len(body)),
                b"X-Request-Id: %s\r\n\r\n" % number.encode("ascii"),
                body,
            )
        )

    # --- the end

    async def drain(self, timeout: float) -> bool:
        """Answer what was accepted, then close all connections. True if nothing had to be cut off after `timeout` seconds.

        Stop listening first. Streams are not waited for: whoever runs them tells them before.
        """
        self.draining = True
        for channel in list(self.channels):
            if not channel.busy and channel.taken is None:
                channel.loseConnection()
        ends = self.seconds() + timeout
        while self._busy and self.seconds() < ends:
            await deferLater(self.reactor, _DRAIN_STEP)
        clean = not self._busy
        for channel in list(self.channels):
            channel.transport.loseConnection() if clean else channel.transport.abortConnection()
        self.flush_log()
        return clean

    @property
    def _busy(self) -> bool:
        return self.site.busy or any(channel.busy for channel in self.channels)

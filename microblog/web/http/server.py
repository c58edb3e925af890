"""The server factory of all connections: deadlines, access log, request ids and graceful shutdown."""

# mypy: disable-error-code="no-untyped-call"
# twisted.web.http has no annotations, and its classes are extended here

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.web.http import datetimeToString

from microblog.logs.context import LogContext
from microblog.web.http.access_lines import AccessLine, LoggedRequest, RefusedRequest, text_line
from microblog.web.http.body_buffer import BodyBudget
from microblog.web.http.channel_request import ChannelRequest
from microblog.web.http.client_address import UNKNOWN, Address, Proxies
from microblog.web.http.interfaces import OpenChannel, RequestHandler
from microblog.web.http.network_limits import Caps, NetworkConnections, RequestRate
from microblog.web.http.protocol import HttpChannel
from microblog.web.http.reactor_turns import RequestTurns
from microblog.web.http.request_metrics import RequestMetrics
from microblog.web.http.timeouts import Timeouts

_TICK = 1.0
_DRAIN_STEP = 0.02
_FIRST_REQUEST_S = 0.5
_MAX_LINES = 1_000


class HttpServer(Factory):
    """Factory of `HttpChannel` for a site. `access_log` is called about once a second with whole lines; `access_line` makes each.

    `budget`: disk space for large bodies. `caps`: limits per network. `wall`: time of day, if it differs from the reactor's time.
    `refuses` is True for the address of a client that may not use the site. `sampled` is called with one request a second, once it has
    its response.
    """

    noisy = False

    def __init__(
        self,
        site: RequestHandler,
        reactor: IReactorTime,
        *,
        proxies: Proxies | None = None,
        timeouts: Timeouts | None = None,
        access_log: Callable[[str], object] | None = None,
        budget: BodyBudget | None = None,
        caps: Caps | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self.site = site
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.proxies = proxies or Proxies()
        self.timeouts = timeouts or Timeouts()
        self.access_log = access_log
        self.access_line: AccessLine = text_line
        self.budget = budget or BodyBudget()
        self.connections = NetworkConnections(sys.maxsize)
        self.limit(caps or Caps())
        self.refuses: Callable[[Address], bool] = lambda address: False
        self.turns = RequestTurns(reactor)
        self._wall = wall or reactor.seconds
        self.request_metrics = RequestMetrics()
        self.draining = False
        self.channels: set[OpenChannel] = set()
        self._lines: list[str] = []
        self._ids = 0
        self._prefix = os.urandom(5).hex()
        self._next_tick: IDelayedCall | None = None
        self.sampled: Callable[[ChannelRequest], object] | None = None
        self._is_sample_due = True
        self._listening = False
        self._read_clock()

    def limit(self, caps: Caps) -> None:
        """Use these limits per network from now on."""
        self.request_rate = RequestRate(caps.requests, self.seconds) if caps.requests else None
        self.connections.max_connections = caps.connections or sys.maxsize

    def buildProtocol(self, addr: IAddress | None) -> HttpChannel:
        """Create the channel of a new connection."""
        channel = HttpChannel()
        channel.factory = channel.server = self
        return channel

    def startFactory(self) -> None:
        """Start ticking when the first port listens."""
        self._listening = True
        if self._next_tick is None:
            self._tick()

    def stopFactory(self) -> None:
        """Stop ticking when no port listens and no connection is open; open connections keep their deadlines."""
        self._listening = False
        if not self.channels:
            self._cancel_tick()

    def _read_clock(self) -> None:
        now = self._wall()
        self.date: bytes = datetimeToString(now)
        self._log_time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _tick(self) -> None:
        # scheduled first, so that an error below cannot stop the ticks that enforce deadlines
        self._next_tick = self.reactor.callLater(_TICK, self._tick) if self._listening or self.channels else None
        self._read_clock()
        self._is_sample_due = True
        now = self.seconds()
        for channel in [channel for channel in self.channels if channel.due is not None and channel.due <= now]:
            channel.expire()
        self.budget.refuse_slow(now)
        self.flush_log()

    def _cancel_tick(self) -> None:
        self.flush_log()
        if self._next_tick is not None:
            self._next_tick.cancel()
            self._next_tick = None

    # --- ids and log

    def request_id(self, given: str | None = None) -> str:
        """A new request id, or the one from a trusted proxy."""
        self._ids += 1
        return given or f"{self._prefix}-{self._ids:x}"

    def log(self, request: ChannelRequest) -> None:
        """Log a request once."""
        if request.logged:
            return
        request.logged = True
        duration = self.seconds() - request.began
        self.request_metrics.count(request.route, request.method_name, request.code, duration)
        if self._is_sample_due and self.sampled is not None:
            self._is_sample_due = False
            self.sampled(request)
        if self.access_log is not None:
            self._log(request, duration)

    def _log(self, request: LoggedRequest, duration_s: float | None) -> None:
        self._lines.append(self.access_line(self._log_time, request, duration_s))
        if len(self._lines) >= _MAX_LINES:
            self.flush_log()

    def flush_log(self) -> None:
        """Write the buffered lines."""
        if self._lines and self.access_log is not None:
            lines, self._lines = self._lines, []
            self.access_log("".join(lines))

    def refusal(self, status: int, sentence: str, target: bytes, peer: Address | None, retry_after: int) -> bytes:
        """The whole response to a request that is refused before it is complete. 429 and 503 have a Retry-After header."""
        request_id = self.request_id()
        self.request_metrics.refused[status] += 1
        policies, body = self.site.refusal(status, sentence, target)
        if self.access_log is not None:
            self._log(RefusedRequest(str(peer or UNKNOWN), status, len(body), LogContext(request_id)), None)
        return b"".join(
            (
                b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode("ascii")),
                b"Date: %s\r\nConnection: close\r\n" % self.date,
                b"Retry-After: %d\r\n" % retry_after if status in (429, 503) else b"",
                b"Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\n",
                policies,
                b"Content-Length: %d\r\n" % len(body),
                b"X-Request-Id: %s\r\n\r\n" % request_id.encode("ascii"),
                body,
            )
        )

    # --- shutdown

    async def drain(self, timeout: float) -> bool:
        """Finish accepted requests, then close all connections. False if some had to be aborted after `timeout` seconds.

        Stop listening before this. Streams are not waited for: the feed closes them first. A connection on which nothing has arrived stays
        open for a moment: a proxy opens one when it has a request, and repeats no command that it has sent.
        """
        self.draining = True
        for channel in list(self.channels):
            if not channel.busy and channel.successor is None and not channel.is_new:
                channel.loseConnection()
        began = self.seconds()
        while (self._busy and self.seconds() < began + timeout) or (self._expects_requests and self.seconds() < began + _FIRST_REQUEST_S):
            await deferLater(self.reactor, _DRAIN_STEP)
        clean = not self._busy
        for channel in list(self.channels):
            channel.transport.loseConnection() if clean else channel.transport.abortConnection()
        self.flush_log()
        return clean

    @property
    def _expects_requests(self) -> bool:
        return any(channel.is_new for channel in self.channels)

    @property
    def _busy(self) -> bool:
        return self.site.busy or any(channel.busy for channel in self.channels)

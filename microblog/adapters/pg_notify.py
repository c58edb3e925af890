"""Wake-ups between processes through PostgreSQL: NOTIFY after a commit, LISTEN on a separate connection."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg2
import psycopg2.extensions
from attrs import Factory, define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from zope.interface import implementer

CHANNEL = "microblog"
RETRY_S = 3.0

_log = Logger()


@implementer(IReadDescriptor)
@define(eq=False)
class PgNotifyWakeup:
    """Wakes all processes on one database. `notify` runs a statement on the pool outside a transaction of its own.

    The listening connection is watched by the reactor; it is opened in a thread, and reopened when it is lost.
    """

    dsn: str
    reactor: Any
    notify: Callable[[str], Awaitable[object]]
    name: str = Factory(lambda: secrets.token_hex(8))
    _listeners: list[Callable[[], None]] = Factory(list)
    _connection: psycopg2.extensions.connection | None = None
    _descriptor: int = -1
    _retry: IDelayedCall | None = None
    _stopped: bool = True
    _sending: bool = False
    _again: bool = False

    def start(self) -> None:
        """Start listening, without waiting for the connection."""
        self._stopped = False
        self._open()

    def stop(self) -> None:
        """Stop listening."""
        self._stopped = True
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self._close()

    @property
    def connected(self) -> bool:
        """True while the connection is listening."""
        return self._connection is not None

    def send(self) -> None:
        """Wake this process at once and the others through PostgreSQL, with at most one message under way."""
        self._wake_listeners()
        self._notify_others()

    @property
    def statement(self) -> str:
        """The statement that wakes the other processes."""
        return f"notify {CHANNEL}, '{self.name}'"

    def listen(self, listener: Callable[[], None]) -> None:
        """Add a listener, which is also called whenever wake-ups may have been missed."""
        self._listeners.append(listener)

    def _notify_others(self) -> None:
        if self._sending:
            self._again = True
        elif not self._stopped:
            self._sending, self._again = True, False
            Deferred.fromCoroutine(self._send()).addBoth(self._sent)

    async def _send(self) -> None:
        await self.notify(self.statement)

    def _sent(self, outcome: object) -> None:
        self._sending = False
        if self._again:
            self._notify_others()

    def _wake_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    def _open(self) -> None:
        opening = deferToThreadPool(self.reactor, self.reactor.getThreadPool(), _open_listener, self.dsn)
        opening.addCallbacks(self._opened, lambda _: self._retry_later())

    def _opened(self, connection: psycopg2.extensions.connection) -> None:
        if self._stopped:
            connection.close()
            return
        # psycopg2 closes its descriptor when it finds the connection broken, before the reactor can unregister it. So a duplicate is
        # registered.
        self._connection, self._descriptor = connection, os.dup(connection.fileno())
        self.reactor.addReader(self)
        self._wake_listeners()

    def _retry_later(self) -> None:
        if not self._stopped:
            self._retry = self.reactor.callLater(RETRY_S, self._open)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self.reactor.removeReader(self)
            os.close(self._descriptor)
            self._descriptor = -1
            connection.close()

    # IReadDescriptor of Twisted

    def fileno(self) -> int:
        """Return the connection's descriptor; -1 if there is none."""
        return self._descriptor

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Read the notifications. This process's own are ignored: its listeners were called already."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.poll()
        except psycopg2.Error:
            self.connectionLost(None)
            return
        senders, connection.notifies[:] = [one.payload for one in connection.notifies], []
        if any(sender != self.name for sender in senders):
            self._wake_listeners()

    def connectionLost(self, reason: object) -> None:
        """Reconnect later."""
        with contextlib.suppress(psycopg2.Error):
            self._close()
        self._retry_later()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Return the prefix for Twisted's log."""
        return "notify"


def _open_listener(dsn: str) -> psycopg2.extensions.connection:
    """Open a listening connection. Blocks."""
    keepalives: dict[str, Any] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    connection: psycopg2.extensions.connection = psycopg2.connect(dsn, connect_timeout=5, application_name="microblog wake", **keepalives)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"listen {CHANNEL}")
    return connection

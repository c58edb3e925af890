"""Time limits for database calls: the caller gets an error in time, and a thread without a response is freed.

PostgreSQL itself cancels a statement that takes too long. A server that hangs does not respond at all; then this side closes the
connection.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextvars import copy_context
from threading import Lock
from typing import Any, TypeVar, cast

from attrs import Factory, define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from microblog.model.errors import Unavailable
from microblog.storage.statements import PipeliningConnection

CHECK_INTERVAL_S = 0.5
REDUCED_TIMEOUT_S = 2.0
_NO_RESPONSE = "The database is not responding. Please try again soon."

T = TypeVar("T")

_lock = Lock()  # for all calls, held briefly: a connection that another call has just taken over must not be closed


@define(eq=False)
class TimedCall:
    """One database call: waits for a thread, then a connection, then the response to each statement.

    `limit_s`: the longest time without progress. `name`: of the function that runs in the transaction.
    """

    limit_s: float
    name: str = ""
    last_progress: float = field(factory=time.monotonic)
    abandoned: bool = False
    _connection: PipeliningConnection | None = None

    def acquire(self, connection: PipeliningConnection) -> None:
        """Record that the call uses the connection. Raises Unavailable if the call was abandoned."""
        with _lock:
            self.raise_if_abandoned()
            connection.last_response = time.monotonic()
            self._connection = connection

    def release(self) -> None:
        """Record that the call no longer uses the connection."""
        with _lock:
            if self._connection is not None:
                self.last_progress, self._connection = self._connection.last_response, None

    def raise_if_abandoned(self) -> None:
        """Raise Unavailable if the call was abandoned: then no further work may start for it."""
        if self.abandoned:
            raise Unavailable(_NO_RESPONSE)

    def idle_seconds(self, now: float) -> float:
        """Return the seconds since the last progress."""
        connection = self._connection
        return now - (self.last_progress if connection is None else connection.last_response)

    def cancel(self) -> None:
        """Abandon the call if it has not started."""
        self.abandoned = True

    def abandon(self) -> None:
        """Close the connection that the call waits for, and abandon the call if it has not started."""
        with _lock:
            self.abandoned = True
            if self._connection is not None and not self._connection.closed:
                with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)


@define
class DatabaseTimeout:
    """Supervises the calls of one database. `limit_s`: the longest time without progress, in the queue or at the server.

    After a call was abandoned, further ones wait at most REDUCED_TIMEOUT_S until one succeeds, so that a request with several calls is
    answered in time.
    """

    reactor: Any
    limit_s: float
    _suspect: bool = False
    _calls: dict[TimedCall, Deferred[Any]] = Factory(dict)
    _checking: bool = False

    def call_in_thread(self, pool: ThreadPool, work: Callable[[TimedCall], T], *, droppable: bool, name: str = "") -> Deferred[T]:
        """Return the result of `work(call)` in a thread of the pool. Fails with Unavailable when the limit is reached.

        The work has the caller's contextvars. `droppable`: it is not started if its caller has cancelled the wait.
        """
        call = TimedCall(min(self.limit_s, REDUCED_TIMEOUT_S) if self._suspect else self.limit_s, name)
        done: Deferred[T] = Deferred(lambda _: call.cancel() if droppable else None)
        self._calls[call] = done
        working = deferToThreadPool(cast("IReactorFromThreads", self.reactor), pool, copy_context().run, work, call)
        working.addBoth(self._finished, call, done)
        if not self._checking:
            self._checking = True
            self.reactor.callLater(CHECK_INTERVAL_S, self._check)
        return done

    def _finished(self, result: Any, call: TimedCall, done: Deferred[Any]) -> None:
        self._calls.pop(call, None)
        if not isinstance(result, Failure):
            self._suspect = False
        if not done.called:  # abandoned, or cancelled by the caller
            done.callback(result)

    def _check(self) -> None:
        now = time.monotonic()
        for call in [call for call in self._calls if call.idle_seconds(now) > call.limit_s]:
            self._suspect = True
            done = self._calls.pop(call)
            call.abandon()
            if not done.called:
                done.errback(Unavailable(_NO_RESPONSE))
        self._checking = bool(self._calls)
        if self._checking:
            self.reactor.callLater(CHECK_INTERVAL_S, self._check)

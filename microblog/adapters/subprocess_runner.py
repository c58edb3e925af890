"""Running of programs beside the reactor."""

# mypy: disable-error-code="no-untyped-call"
# twisted.internet.protocol.ProcessProtocol has no annotations

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

MAX_OUTPUT_BYTES = 1024 * 1024  # bytes; a program with more output is killed
_TIMEOUT_SIGNALS = frozenset({signal.SIGKILL, signal.SIGXCPU})


@frozen
class ProcessResult:
    """Result of a program: success, output and errors. `killed`: it exceeded its time limit."""

    succeeded: bool
    output: bytes
    errors: bytes = b""
    killed: bool = False


Run = Callable[[Sequence[str], float], Awaitable[ProcessResult]]
"""Runs a command (with an absolute path) that is killed after so many seconds."""


class _Child(ProcessProtocol):
    def __init__(self, done: Deferred[ProcessResult]) -> None:
        self.done = done
        self.output: list[bytes] = []
        self.errors = b""
        self.output_size = 0
        self.deadline: IDelayedCall | None = None

    def outReceived(self, data: bytes) -> None:
        self.output_size += len(data)
        if self.output_size > MAX_OUTPUT_BYTES:
            self.kill()
        else:
            self.output.append(data)

    def errReceived(self, data: bytes) -> None:
        self.errors = (self.errors + data)[-2_000:]

    def kill(self) -> None:
        assert self.transport is not None
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            pass

    def processEnded(self, reason: Failure) -> None:
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()
        done, self.done = self.done, Deferred()
        killed = getattr(reason.value, "signal", None) in _TIMEOUT_SIGNALS
        done.callback(ProcessResult(reason.check(ProcessDone) is not None, b"".join(self.output), self.errors, killed))


def runner(reactor: Any) -> Run:
    """Return a function that runs programs with an empty environment. Cancelling the wait kills the program."""

    async def run(command: Sequence[str], seconds: float) -> ProcessResult:
        done: Deferred[ProcessResult] = Deferred(lambda _: child.kill())
        child = _Child(done)
        reactor.spawnProcess(child, command[0], list(command), env={}, path="/")
        child.deadline = reactor.callLater(seconds, child.kill)
        return await done

    return run

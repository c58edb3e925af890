"""Programs in Python that start in little time, each in a process of its own that is forked by tests/fork_server.py."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from attrs import define, field

ROOT = Path(__file__).resolve().parent.parent
MICROBLOG, TOOT, TWISTD = "microblog.cli:main", "toot.cli:cli", "twisted.scripts.twistd:run"
PACKAGES = {MICROBLOG: "microblog", TOOT: "toot", TWISTD: "microblog"}
"""Programs, each as the function that its script calls, with the package whose modules it needs."""
_POLL_S = 0.01


@define
class ForkServer:
    """The process that forks: one for each package and process of tests. It ends when its connection is closed."""

    lines: TextIO
    process: subprocess.Popen[bytes]
    lock: threading.Lock = field(factory=threading.Lock)

    def call(self, message: object) -> Any:
        """Send a message and return the answer."""
        with self.lock:
            self.lines.write(f"{json.dumps(message)}\n")
            self.lines.flush()
            return json.loads(self.lines.readline())

    def close(self) -> None:
        """Close the connection and wait for the end of the process."""
        self.lines.close()
        self.process.wait(60)


@cache
def _server(package: str) -> ForkServer:
    ours, theirs = socket.socketpair()
    with theirs:
        program = f"import socket; from tests.fork_server import serve; serve(socket.socket(fileno={theirs.fileno()}), {package!r})"
        command = [sys.executable, "-c", program]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    with ours:
        server = ForkServer(ours.makefile("rw"), process)
    atexit.register(server.close)
    return server


@define
class ForkedProcess:
    """A process of a program, with the attributes of `subprocess.Popen`."""

    server: ForkServer
    pid: int
    returncode: int | None = None

    @classmethod
    def start(
        cls,
        entry: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path = ROOT,
        stdin: str = os.devnull,
        stdout: Path,
        stderr: Path,
    ) -> ForkedProcess:
        """Start a program. `arguments` include its name. It reads the file `stdin` and appends to the others."""
        server = _server(PACKAGES[entry])
        files = {"stdin": stdin, "stdout": str(stdout), "stderr": str(stderr)}
        start = {"entry": entry, "arguments": list(arguments), "environment": dict(environment), "directory": str(directory), **files}
        return cls(server, server.call(start))

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self.server.call(self.pid)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        """Wait for its end and return the exit code. Raises TimeoutExpired."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)


def run_forked(
    entry: str, arguments: Sequence[str], *, environment: Mapping[str, str], input: str = "", directory: Path = ROOT, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as `subprocess.run` does with captured output."""
    with tempfile.TemporaryDirectory() as place:
        stdin, stdout, stderr = Path(place, "stdin"), Path(place, "stdout"), Path(place, "stderr")
        stdin.write_text(input, "utf-8")
        process = ForkedProcess.start(
            entry, arguments, environment=environment, directory=directory, stdin=str(stdin), stdout=stdout, stderr=stderr
        )
        try:
            code = process.wait(timeout)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        return subprocess.CompletedProcess(list(arguments), code, stdout.read_text("utf-8"), stderr.read_text("utf-8"))

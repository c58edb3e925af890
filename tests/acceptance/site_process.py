"""A real site for a test: a child process `twistd microblog` on a free port, with a data directory of its own.

The child launcher starts it, so that it and its PostgreSQL end when the test run is killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from attrs import Factory, define, field

from microblog.adapters.child_launcher import command_line
from microblog.adapters.postgres import running
from microblog.adapters.postgres_files import Home, servers_in
from tests.acceptance.prepared_database import prepare_database
from tests.forked_programs import MICROBLOG, TWISTD, ForkedProcess, run_forked

START_TIMEOUT_S = 120.0  # many times what a start takes, for a machine with other work


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, and that stays free while its site is down.

    It is below the ephemeral ports (32768 and up on Linux, 49152 and up elsewhere; RFC 6335, section 6), which the system
    could give to a client of another test in the meantime.
    """
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def environment(**settings: str) -> dict[str, str]:
    """Return a process environment with exactly these settings (named without `MICROBLOG_`)."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}
    return inherited | {"MICROBLOG_CONFIG": os.devnull} | {f"MICROBLOG_{name.upper()}": value for name, value in settings.items()}


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    """Wait for a condition; return False on timeout."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def twistd_path() -> str:
    """Return the path of twistd next to the Python that runs the tests."""
    return str(Path(sys.executable).with_name("twistd"))


@define
class SiteProcess:
    """A site that can be stopped or killed, and restarted on the same port and data.

    It is forked from a process that has imported its modules, which takes a fifth of the processor time of a start, unless `program` is a
    command that runs twistd, or `packages` a directory with the packages of another release. `prepared`: it finds a database as after its
    first start, instead of making it.
    """

    data_dir: Path
    settings: dict[str, str] = Factory(dict)
    port: int = field(factory=free_port)
    process: subprocess.Popen[bytes] | ForkedProcess | None = None
    program: tuple[str, ...] = ()
    packages: Path | None = None
    prepared: bool = False

    @property
    def url(self) -> str:
        """Return the base URL, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """Return the path of the file with the output of all its runs."""
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    @property
    def log(self) -> str:
        """Return the text of `log_file`."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def environment(self) -> dict[str, str]:
        """Return the environment of its process."""
        defaults = {"listen": f"tcp:{self.port}:interface=127.0.0.1", "data_dir": str(self.data_dir)}
        another_release = {} if self.packages is None else {"PYTHONPATH": str(self.packages)}
        return environment(**defaults | self.settings) | another_release

    def launch(self, *arguments: str) -> subprocess.Popen[bytes] | ForkedProcess:
        """Start the process without waiting."""
        if self.prepared and not self.data_dir.exists():
            prepare_database(self.data_dir)
        directory, log, options = self.data_dir.parent, self.log_file, ("--pidfile=", "--nodaemon", "microblog", *arguments)
        if self.program or self.packages:
            command = [*(self.program or (twistd_path(),)), *options]
            launch_command = command_line(command, directory=directory, at_parents_death=signal.SIGKILL)
            with log.open("ab") as output:
                self.process = subprocess.Popen(launch_command, stdout=output, stderr=output, env=self.environment())
        else:
            command = ["twistd", *options]
            self.process = ForkedProcess.start(TWISTD, command, environment=self.environment(), directory=directory, stdout=log, stderr=log)
        return self.process

    def start(self, *arguments: str) -> None:
        """Start the site and wait until it responds."""
        self.launch(*arguments)
        self.wait()

    def wait(self) -> None:
        """Wait until the site responds after its launch."""
        process = self.process
        assert process is not None
        assert wait_until(lambda: self.is_up() or process.poll() is not None, START_TIMEOUT_S), self.log
        assert process.poll() is None, self.log

    def stop(self) -> int:
        """Stop the site with SIGTERM and return its exit code, negative for a signal."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """Kill the site with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def get(self, path: str, timeout: float = 10.0) -> tuple[int, bytes]:
        """Return status and body. Raises OSError if there is no response."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def is_up(self) -> bool:
        """Return True if its front page is served."""
        try:
            return self.get("/", timeout=5)[0] == 200
        except OSError:
            return False

    def try_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command `microblog`, which may fail."""
        return run_forked(MICROBLOG, ["microblog", *arguments], environment=self.environment())

    def run_command(self, *arguments: str) -> str:
        """Run the command `microblog`, which must succeed, and return its output."""
        completed = self.try_command(*arguments)
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    def run_json(self, *arguments: str) -> Any:
        """Run the command `microblog` with --json, which must succeed, and return the decoded output."""
        return json.loads(self.run_command(*arguments, "--json"))

    def postgres_pids(self) -> list[int]:
        """Return the process ids of its embedded PostgreSQL; empty if it has ended."""
        return list(servers_in(Home(self.data_dir).data))

    def postmaster_pid(self) -> int:
        """Return the process id of the postmaster; 0 while PostgreSQL is down."""
        try:
            return int((Home(self.data_dir).data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return 0

    def database_url(self) -> str:
        """Return the URL of its embedded database, which must be running."""
        url = running(self.data_dir)
        assert url is not None, self.log
        return url

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query on its database."""
        with closing(psycopg2.connect(self.database_url())) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)  # without values, a % stands for itself
            return list(cursor.fetchall())

    def change(self, sql: str, *values: object) -> int:
        """Change its database behind its back; return the number of rows."""
        with closing(psycopg2.connect(self.database_url())) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return int(cursor.rowcount)


@contextmanager
def site_process(directory: Path, **settings: str) -> Iterator[SiteProcess]:
    """Yield a site with a prepared database that is not started; kill it at the end if it still runs."""
    with killed_at_the_end(SiteProcess(directory / "var", settings, prepared="database_url" not in settings)) as site:
        yield site


@contextmanager
def killed_at_the_end(site: SiteProcess) -> Iterator[SiteProcess]:
    """Yield the site; kill it at the end if it runs then."""
    try:
        yield site
    finally:
        if site.process is not None and site.process.poll() is None:
            site.process.kill()
            site.process.wait(10)
        wait_until(lambda: not site.postgres_pids())
        home = Home(site.data_dir)
        if home.root.exists():
            home.socket_directory().rmdir()  # a killed server leaves it for the next start


@contextmanager
def suspended_database(site: SiteProcess) -> Iterator[None]:
    """Stop all processes of its PostgreSQL with SIGSTOP, and let them continue at the end."""
    postmaster = psutil.Process(site.postmaster_pid())
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)

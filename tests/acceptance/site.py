"""A real site for a test: a child ``twistd microblog`` on a free port, with a data directory of its own.

It is started through the launcher, so that it goes when the test run is killed; its PostgreSQL goes with it.
"""

from __future__ import annotations

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
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import Factory, define, field

from microblog.adapters.child_launcher import command_line
from microblog.adapters.postgres import running
from microblog.adapters.postgres_files import Home, servers_in

START_S = 30.0  # with coverage, on a machine that does other things


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on, also not while a site on it is down.

    It is none of those that the system gives to whoever connects (32768 and up on Linux, 49152 and up elsewhere; RFC 6335, section 6):
    some client of another test would have it by the time that it is needed.
    """
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as listening, suppress(OSError):
            listening.bind(("127.0.0.1", port))
            return port


def environment(**settings: str) -> dict[str, str]:
    """The environment of a site with these settings (without `MICROBLOG_`) and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MICROBLOG_")}
    return inherited | {"MICROBLOG_CONFIG": os.devnull} | {f"MICROBLOG_{name.upper()}": value for name, value in settings.items()}


def until(is_so: Callable[[], object], seconds: float = 30.0) -> bool:
    """Wait for a condition; return False on timeout."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def twistd() -> str:
    """Return the path of a program of the Python that runs the tests."""
    return str(Path(sys.executable).with_name("twistd"))


@define
class Site:
    """A site that can be stopped or killed and restarted on the same port and data. `program` is twistd."""

    data_dir: Path
    settings: dict[str, str] = Factory(dict)
    port: int = field(factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    program: tuple[str, ...] = Factory(lambda: (twistd(),))

    @property
    def url(self) -> str:
        """Return the base URL, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """Return the path of the output of all its runs."""
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    @property
    def log(self) -> str:
        """The text of `log_file`."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def environment(self) -> dict[str, str]:
        """Return the environment of its process."""
        given = {"listen": f"tcp:{self.port}:interface=127.0.0.1", "data_dir": str(self.data_dir)} | self.settings
        return environment(**given)

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the process without waiting."""
        command = [*self.program, "--pidfile=", "--nodaemon", "microblog", *arguments]
        launched = command_line(command, directory=self.data_dir.parent, at_parents_death=signal.SIGKILL)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(launched, stdout=log, stderr=log, env=self.environment())
        return self.process

    def start(self, *arguments: str) -> None:
        """Start the site and wait until it responds."""
        process = self.launch(*arguments)
        assert until(lambda: self.is_up() or process.poll() is not None, START_S), self.log
        assert process.poll() is None, self.log

    def stop(self) -> int:
        """Stop the site with SIGTERM and return its exit code, negative for a signal."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def get(self, path: str, timeout: float = 10.0) -> tuple[int, bytes]:
        """Return status and body. Raises OSError if there is no response."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def is_up(self) -> bool:
        """True if its front page is served."""
        try:
            return self.get("/", timeout=5)[0] == 200
        except OSError:
            return False

    def command(self, *arguments: str) -> str:
        """Run the command `microblog` and return its output."""
        program = str(Path(sys.executable).with_name("microblog"))
        done = subprocess.run([program, *arguments], env=self.environment(), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def postgres(self) -> list[int]:
        """The process ids of its embedded PostgreSQL; none after it is gone."""
        return list(servers_in(Home(self.data_dir).data))

    def postmaster(self) -> int:
        """The id of the process that is the server itself; 0 while there is none, as between its death and its next start."""
        try:
            return int((Home(self.data_dir).data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return 0

    def database_url(self) -> str:
        """The URL of its embedded database, while it runs."""
        url = running(self.data_dir)
        assert url is not None, self.log
        return url


@contextmanager
def site(directory: Path, **settings: str) -> Iterator[Site]:
    """Yield a site that is not started; kill it at the end if it still runs."""
    made = Site(directory / "var", settings)
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait(10)
        until(lambda: not made.postgres())
        home = Home(made.data_dir)
        if home.root.exists():
            home.socket_directory().rmdir()  # a killed server leaves it for the next start

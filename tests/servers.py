"""A PostgreSQL server for tests, started by the child launcher so that it ends with the test run."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg2
from attrs import define

from microblog.adapters.postgres import initdb_command, server_command
from microblog.adapters.postgres_files import Home, dsn


@define
class PostgresServer:
    """A PostgreSQL that can be stopped and restarted. `sockets` is the directory of its socket, for `dsn`."""

    home: Home
    sockets: Path
    connections: int = 60
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def below(cls, directory: Path, *, connections: int = 60) -> Iterator[Self]:
        """Start a new server without durability; remove it at the end."""
        home = Home(directory)
        home.prepare()
        made = subprocess.run(initdb_command(home, durable=False), capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        home.fresh.rename(home.data)
        server = cls(home, home.socket_directory(), connections)
        server.start()
        try:
            yield server
        finally:
            server.stop()
            if server.sockets.is_dir():
                server.sockets.rmdir()

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        command = server_command(self.home, self.sockets, connections=self.connections, durable=False)
        output = self.home.root / "postgres.log"
        with output.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        _until_ready(self.process, self.sockets, output)

    def stop(self) -> None:
        """Close all connections and wait until the server has stopped."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


@contextmanager
def run_postgres(directory: Path, *, connections: int = 60) -> Iterator[Path]:
    """Run a new server without durability; yields the directory of its socket, for `dsn`."""
    with PostgresServer.below(directory, connections=connections) as server:
        yield server.sockets


def _until_ready(server: subprocess.Popen[bytes], sockets: Path, output: Path) -> None:
    for _ in range(1000):
        try:
            psycopg2.connect(dsn(sockets, "postgres")).close()
        except psycopg2.OperationalError:
            assert server.poll() is None, output.read_text()
            time.sleep(0.02)
        else:
            return
    raise AssertionError(output.read_text())

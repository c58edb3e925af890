"""Tests of the units of contrib/systemd, and of what the process tells its service manager; skipped without systemd's tools."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from attrs import define, field

from tests.acceptance.site_process import free_port, site_process, twistd_path, wait_until

pytestmark = pytest.mark.acceptance

UNITS = Path(__file__).resolve().parents[2] / "contrib" / "systemd"
ANALYZE, ACTIVATE = shutil.which("systemd-analyze"), shutil.which("systemd-socket-activate")
EXPOSURE = 2.5  # at most; 10 is a service that may do everything

needs_analyze = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed: apt-get install systemd")
needs_activate = pytest.mark.skipif(ACTIVATE is None, reason="systemd-socket-activate is not installed: apt-get install systemd")


@define
class Manager:
    """A service manager that keeps the states it is told."""

    listener: socket.socket
    states: list[str] = field(factory=list)

    def told(self, state: str) -> int:
        """Return how often a state was received so far."""
        while True:
            try:
                self.states += self.listener.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.states.count(state)


@contextmanager
def manager_at(path: Path) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        yield Manager(listener)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units of contrib/, with a program that exists."""
    for unit in UNITS.iterdir():
        text = unit.read_text("utf-8").replace("/opt/microblog/.venv/bin/twistd", twistd_path())
        (tmp_path / unit.name).write_text(text, "utf-8")
    return tmp_path


@needs_analyze
@pytest.mark.parametrize("name", ["microblog.service", "microblog@8080.service", "microblog@8080.socket"])
def test_systemd_accepts_the_units(units: Path, name: str) -> None:
    assert ANALYZE is not None
    command = [ANALYZE, "verify", "--man=no", str(units / name)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert [line for line in result.stderr.splitlines() if "microblog" in line] == []
    assert result.returncode == 0, result.stderr


@needs_analyze
@pytest.mark.parametrize("name", ["microblog.service", "microblog@.service"])
def test_the_units_are_hardened(name: str) -> None:
    assert ANALYZE is not None
    command = [ANALYZE, "security", "--offline=yes", f"--threshold={int(EXPOSURE * 10)}", str(UNITS / name)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stdout[-200:]


def test_the_service_manager_learns_of_start_progress_and_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = tmp_path / "notify"
    with manager_at(address) as manager, site_process(tmp_path) as site:
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "900000")
        site.launch()
        assert wait_until(lambda: manager.told("READY=1"), 60), site.log
        assert site.is_up()
        assert manager.told("EXTEND_TIMEOUT_USEC=60000000") == 1
        before = manager.told("WATCHDOG=1")
        assert wait_until(lambda: manager.told("WATCHDOG=1") >= before + 2, 10)
        site.stop()
        assert manager.told("STOPPING=1") == 1
        assert manager.told("READY=1") == 1


@needs_activate
def test_a_socket_of_systemd_holds_the_first_request_until_the_site_is_ready(tmp_path: Path) -> None:
    assert ACTIVATE is not None
    port = free_port()
    with site_process(tmp_path, listen="systemd:domain=INET:index=0", public_url=f"http://127.0.0.1:{port}") as site:
        passed = [f"--setenv={name}" for name in site.environment()]
        site.program = (ACTIVATE, f"--listen=127.0.0.1:{port}", "--fdname=microblog", *passed, twistd_path())
        site.launch()
        assert wait_until(lambda: "Listening on" in site.log), site.log
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("GET", "/health")  # starts the process, which adopts the socket
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"OK")
        assert site.stop() == -signal.SIGTERM, site.log

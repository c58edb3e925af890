"""Measure the memory and start-up time of an idle site with embedded PostgreSQL, on a used data directory.

    python -m benchmarks.idle [--rounds 5]

Memory is the proportional share of what is resident (PSS), so that what processes share counts once; the median of the rounds, each
measured SETTLE_S after the first response. Beside it stands a `twistd web` that serves one directory, started in the same way.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from attrs import astuple, frozen

from benchmarks.pages import ROOT, child, free_port
from microblog.adapters.postgres_files import Home, servers_in

SETTLE_S = 5.0
WAIT_S = 120.0
TWISTD = str(Path(sys.executable).with_name("twistd"))


@frozen
class Idle:
    """Seconds until the first response, CPU seconds until then, and megabytes of the process and of PostgreSQL."""

    ready: float
    cpu: float
    process: float
    database: float = 0.0


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[tuple[int, float, float]]:
    """Run a server; yield its process id, and the seconds and CPU seconds until its first response."""
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        with child(command, environment, log) as process:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - began > WAIT_S:
                    log.seek(0)
                    raise SystemExit("it did not start:\n" + log.read().decode("utf-8", "replace"))
                time.sleep(0.005)
            yield process.pid, time.perf_counter() - began, seconds(process.pid)
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its children, ended ones included."""
    root = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:4]) for each in (root, *root.children(recursive=True)))


def answers(port: int) -> bool:
    """Return True if the front page is served."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def megabytes(pids: Iterator[int] | list[int]) -> float:
    """Return the memory (PSS) of these processes in megabytes."""
    return float(sum(psutil.Process(pid).memory_full_info().pss for pid in pids)) / 1e6


def site(data_dir: Path) -> Idle:
    """Start a site, let it settle, measure and stop it."""
    port = free_port()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MICROBLOG_")}
    settings = {"MICROBLOG_LISTEN": f"tcp:{port}:interface=127.0.0.1", "MICROBLOG_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
    with running([TWISTD, "--pidfile=", "--nodaemon", "microblog"], inherited | settings, port) as (pid, ready, cpu):
        time.sleep(SETTLE_S)
        return Idle(ready, cpu, megabytes([pid]), megabytes(list(servers_in(Home(data_dir).data))))


def bare(directory: Path) -> Idle:
    """Measure `twistd web` in the same way."""
    port = free_port()
    command = [TWISTD, "--pidfile=", "--nodaemon", "web", "--path", str(directory), "--listen", f"tcp:{port}:interface=127.0.0.1"]
    with running(command, dict(os.environ), port) as (pid, ready, cpu):
        time.sleep(SETTLE_S)
        return Idle(ready, cpu, megabytes([pid]))


def report(name: str, rounds: list[Idle]) -> None:
    """Print one line."""
    ready, cpu, process, database = (statistics.median(column) for column in zip(*map(astuple, rounds), strict=True))
    print(f"{name:28} ready in {ready:5.2f} s, {cpu:5.2f} s of CPU   process {process:6.1f} MB   PostgreSQL {database:6.1f} MB")


def main() -> None:
    """Measure and print a line for each server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # PostgreSQL may run as somebody else
        data_dir = Path(directory) / "var"
        report("the site, at its first start", [site(data_dir)])
        found = [(site(data_dir), bare(Path(directory))) for _ in range(chosen.rounds)]
    report("the site", [one for one, _ in found])
    report("twistd web", [other for _, other in found])


if __name__ == "__main__":
    main()

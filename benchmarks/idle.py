"""Measure the memory and start-up time of an idle site with embedded PostgreSQL, on a used data directory.

    python -m benchmarks.idle [--rounds 5]

Memory is the proportional set size (PSS), which counts shared pages once. Figures are medians of rounds, measured SETTLE_S after the first
response. For comparison, a `twistd web` that serves one directory is started in the same way.
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
class IdleCost:
    """Seconds until the first response, CPU seconds until then, and megabytes of the process and of PostgreSQL."""

    ready: float
    cpu: float
    process: float
    database: float = 0.0


@contextmanager
def started_server(command: list[str], environment: dict[str, str], port: int) -> Iterator[tuple[int, float, float]]:
    """Run a server; yield its process id, and the seconds and CPU seconds until its first response."""
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        with child(command, environment, log) as process:
            while not is_up(port):
                if process.poll() is not None or time.perf_counter() - started > WAIT_S:
                    log.seek(0)
                    raise SystemExit("it did not start:\n" + log.read().decode("utf-8", "replace"))
                time.sleep(0.005)
            yield process.pid, time.perf_counter() - started, seconds(process.pid)
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its children, ended ones included."""
    root = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:4]) for each in (root, *root.children(recursive=True)))


def is_up(port: int) -> bool:
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


def site(data_dir: Path) -> IdleCost:
    """Start a site, let it settle, measure and stop it."""
    port = free_port()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MICROBLOG_")}
    settings = {"MICROBLOG_LISTEN": f"tcp:{port}:interface=127.0.0.1", "MICROBLOG_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
    with started_server([TWISTD, "--pidfile=", "--nodaemon", "microblog"], inherited | settings, port) as (pid, ready, cpu):
        time.sleep(SETTLE_S)
        return IdleCost(ready, cpu, megabytes([pid]), megabytes(list(servers_in(Home(data_dir).data))))


def bare(directory: Path) -> IdleCost:
    """Measure `twistd web` in the same way."""
    port = free_port()
    command = [TWISTD, "--pidfile=", "--nodaemon", "web", "--path", str(directory), "--listen", f"tcp:{port}:interface=127.0.0.1"]
    with started_server(command, dict(os.environ), port) as (pid, ready, cpu):
        time.sleep(SETTLE_S)
        return IdleCost(ready, cpu, megabytes([pid]))


def report(name: str, rounds: list[IdleCost]) -> None:
    """Print one line."""
    ready, cpu, process, database = (statistics.median(column) for column in zip(*map(astuple, rounds), strict=True))
    print(f"{name:28} ready in {ready:5.2f} s, {cpu:5.2f} s of CPU   process {process:6.1f} MB   PostgreSQL {database:6.1f} MB")


def main() -> None:
    """Measure and print a line for each server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # PostgreSQL may run as another user
        data_dir = Path(directory) / "var"
        report("the site, at its first start", [site(data_dir)])
        measured = [(site(data_dir), bare(Path(directory))) for _ in range(arguments.rounds)]
    report("the site", [site_result for site_result, _ in measured])
    report("twistd web", [bare_result for _, bare_result in measured])


if __name__ == "__main__":
    main()

"""A clean Debian with systemd, in a directory: booted as a container with the network of this machine. Needs root."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import psutil
from attrs import define, field

from microblog.adapters.child_launcher import command_line
from tests.acceptance.site_process import wait_until

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
SOURCE = "root/microblog"
PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates"
CA_BUNDLE = "/root/ca-of-the-package-index.crt"


def code_blocks(document: str, heading: str) -> list[str]:
    """Return the shell commands of a section of a document in docs/, one text for each block, without those of its subsections."""
    lines = iter((ROOT / "docs" / document).read_text("utf-8").splitlines(keepends=True))
    assert any(line == f"{heading}\n" for line in lines), f"docs/{document} has no {heading!r}"
    blocks: list[str] = []
    for line in lines:
        if line.startswith("```"):
            block = "".join(takewhile(lambda text: not text.startswith("```"), lines))
            if line == "```sh\n":
                blocks.append(block)
        elif line.startswith("#"):
            break
    return blocks


@define
class DebianMachine:
    """A booted Debian. `variables` are the assignments of all scripts so far: they run in one shell, as far as they can tell."""

    directory: Path
    init: int
    variables: list[str] = field(factory=list)

    def run(self, script: str, *, typed: str = "") -> str:
        """Run the commands as root in the source directory; all must succeed. Return what they print. `typed` is their standard input."""
        self.variables += re.findall(r"^[A-Z]+=[^\n]*$", script, re.MULTILINE)
        whole = "\n".join(["set -e", f"cd /{SOURCE}", *self.variables, script])
        done = self._shell(whole, typed)
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def is_booted(self) -> bool:
        """Return True if systemd has started everything, or what can be started in a container."""
        return self._shell("systemctl is-system-running", "").stdout.strip() in {"running", "degraded"}

    def _shell(self, script: str, typed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "--target", str(self.init), "--mount", "--uts", "--ipc", "--pid", "/bin/bash", "-c", script],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """Return the environment of root's shell there, with the package index of this machine."""
    index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    if "PIP_CERT" in index:
        index["PIP_CERT"] = CA_BUNDLE
    system = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    return system | {"DEBIAN_FRONTEND": "noninteractive"} | index


@contextmanager
def debian_machine(directory: Path) -> Iterator[DebianMachine]:
    """Install and boot a Debian that has our source directory; stop and delete it at the end."""
    root, log = directory / "debian", directory / "debian.log"
    _install(root, log)
    command = [
        str(shutil.which("systemd-nspawn")),
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--boot",
        "--console=pipe",
        "--directory",
        str(root),
    ]
    with log.open("ab") as output:
        container = subprocess.Popen(
            command_line(command, directory=directory, at_parents_death=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        assert wait_until(lambda: container.poll() is not None or _init_of(container.pid), 60), log.read_text("utf-8")
        assert container.poll() is None, log.read_text("utf-8")
        machine = DebianMachine(root, _init_of(container.pid))
        assert wait_until(machine.is_booted, 120), log.read_text("utf-8")
        yield machine
        container.send_signal(signal.SIGTERM)  # shuts it down
        container.wait(60)
    finally:
        if init := _init_of(container.pid):
            os.kill(init, signal.SIGKILL)  # and with it all its processes, which would outlive systemd-nspawn
        container.kill()
        container.wait(10)
        shutil.rmtree(root)


def _install(root: Path, log: Path) -> None:
    with log.open("wb") as output:
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root), MIRROR],
            stdout=output,
            stderr=output,
            check=False,
        )
    assert made.returncode == 0, log.read_text("utf-8")[-3000:]
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, files):
        target = root / SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    if certificates := os.environ.get("PIP_CERT"):
        shutil.copy(certificates, root / CA_BUNDLE.lstrip("/"))


def _init_of(container: int) -> int:
    """Return the process id of the container's systemd here; 0 while there is none."""
    try:
        children = psutil.Process(container).children(recursive=True)
        return next((child.pid for child in children if child.name() == "systemd" and child.ppid() in _nspawn_pids(container)), 0)
    except psutil.NoSuchProcess:
        return 0


def _nspawn_pids(container: int) -> set[int]:
    process = psutil.Process(container)
    return {each.pid for each in (process, *process.children(recursive=True)) if "nspawn" in each.name()}

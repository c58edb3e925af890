"""A clean Debian with systemd, in a directory: booted as a container with the network of this machine. Needs root."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
NAMESPACES = ("--mount", "--uts", "--ipc", "--pid")
COMMAND_TIMEOUT_S = 600
PORTS = (80, 443, 5432, 6379, 8080, 8081)
LOG = logging.getLogger("tests.install")
"""Shows how far a run has come."""


@define
class DebianMachine:
    """A booted Debian. `variables` are the assignments of all scripts so far: they run in one shell, as far as they can tell."""

    directory: Path
    init: int
    variables: list[str] = field(factory=list)

    def run(self, script: str, *, typed: str = "") -> str:
        """Run the commands as root in the source directory; all must succeed. Return what they print. `typed` is their standard input."""
        without_files = re.sub(r"<<'?END'?\n.*?^END$", "", script, flags=re.MULTILINE | re.DOTALL)
        assignments = re.findall(r"^[A-Z]+=[^\n]*$", without_files, re.MULTILINE)
        whole = "\n".join(["set -e", f"cd /{SOURCE}", *self.variables, script])
        done = self._shell(whole, typed)
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        self.variables += assignments
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file, and its directory if there is none."""
        target = self.directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return (self.directory / path.lstrip("/")).read_text("utf-8")

    def is_booted(self) -> bool:
        """Return True if systemd has started everything, or what can be started in a container."""
        return self._shell("systemctl is-system-running", "").stdout.strip() in {"running", "degraded"}

    def _shell(self, script: str, typed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "--target", str(self.init), *NAMESPACES, "/bin/bash", "-c", script],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            env=_environment(),
        )


def _environment() -> Mapping[str, str]:
    """Return the environment of root's shell there, with the package index of this machine."""
    index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    if "PIP_CERT" in index:
        index["PIP_CERT"] = CA_BUNDLE
    system = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    return system | {"DEBIAN_FRONTEND": "noninteractive"} | index


def install_debian(root: Path) -> None:
    """Install a Debian, with the source directory as git knows it."""
    LOG.info("Debian: debootstrap %s", SUITE)
    # In a namespace of its own, so that its mounts end with it.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root), MIRROR]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert made.returncode == 0, made.stdout[-3000:]
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, files):
        target = root / SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    if certificates := os.environ.get("PIP_CERT"):
        shutil.copy(certificates, root / CA_BUNDLE.lstrip("/"))


@contextmanager
def debian_machine(installed: Path, directory: Path) -> Iterator[DebianMachine]:
    """Boot a copy of the installed Debian; stop and delete it at the end."""
    root, log = directory / "debian", directory / "debian.log"
    assert [port for port in PORTS if not _is_free(port)] == [], "these ports of this machine must be free"
    LOG.info("Debian: booting")
    subprocess.run(["cp", "--archive", str(installed), str(root)], check=True)
    with log.open("wb") as output:
        container = subprocess.Popen(_command(root, directory), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        assert wait_until(lambda: container.poll() is not None or _init_of(container.pid), 60), log.read_text("utf-8")
        assert container.poll() is None, log.read_text("utf-8")
        machine = DebianMachine(root, _init_of(container.pid))
        assert wait_until(machine.is_booted, 120), log.read_text("utf-8")
        yield machine
    finally:
        LOG.info("Debian: deleting it")
        processes = psutil.Process(container.pid).children(recursive=True) if container.poll() is None else []
        container.kill()
        container.wait(30)
        psutil.wait_procs(processes, 30)
        shutil.rmtree(root)


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", port))
        except OSError:
            return False
        return True


def _command(root: Path, directory: Path) -> list[str]:
    """Return the command that boots it. All its processes are in a namespace that ends with the command, however that ends."""
    namespace = [str(shutil.which("unshare")), "--pid", "--fork", "--kill-child", "--mount-proc"]
    container = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe", f"--directory={root}"]
    return command_line([*namespace, *container], directory=directory, at_parents_death=signal.SIGKILL)


def _init_of(container: int) -> int:
    """Return the process id of the container's systemd here; 0 while there is none."""
    try:
        for process in psutil.Process(container).children(recursive=True):
            parent = process.parent()
            if process.name() == "systemd" and parent is not None and "nspawn" in parent.name():
                return int(process.pid)
    except psutil.NoSuchProcess:
        pass
    time.sleep(0.1)
    return 0

"""A process that imports a program's modules once and forks for each start of it. `tests/forked_programs.py` starts and uses it.

The import takes seconds of processor time, which each process of its own would take again. Each start is a process of its own, with its own
arguments, environment, directory and files; on Linux it ends with this one.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1


class _WithoutReactor:
    """An entry of `sys.meta_path` that refuses the import of Twisted's reactor: children would share its epoll descriptor."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ImportError for the reactor."""
        if name == "twisted.internet.reactor":
            raise ImportError(name)


def _import_all_but_the_reactor(package: str) -> None:
    """Import the modules of a package, except those that need the reactor, which each process imports for itself."""
    without_reactor = _WithoutReactor()
    sys.meta_path.insert(0, without_reactor)
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.", onerror=lambda name: None):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(module.name)
    sys.meta_path.remove(without_reactor)


def _run(start: dict[str, Any], parent: int) -> None:
    """Turn this process, just forked, into the program. Ends it."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            sys.exit("The parent process ended before the child had started.")
    sys.path.remove("")  # the current directory, from which the server was started
    os.chdir(start["directory"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(start[name], os.O_RDONLY if name == "stdin" else os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(start["environment"])
    sys.argv = start["arguments"]
    module, _, function = start["entry"].partition(":")
    sys.exit(getattr(importlib.import_module(module), function)())  # as the scripts do that installers make


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def serve(connection: socket.socket, package: str) -> None:
    """Import a package, and start its programs as often as asked until the connection is closed.

    Each line of the connection is JSON. An object describes a start and is answered with the process id; the id of a started process is
    answered with its exit code, negative for a signal, or with null while it runs.
    """
    _import_all_but_the_reactor(package)
    gc.collect()
    gc.freeze()  # so that a collection in a child does not touch, and thereby copy, the memory that it shares
    parent = os.getpid()
    connection.set_inheritable(False)  # not for the programs that children execute
    with connection, connection.makefile("rw") as lines:
        for line in lines:
            call = json.loads(line)
            if not isinstance(call, dict):
                answer = _exit_code(call)
            elif (answer := os.fork()) == 0:
                _run(call, parent)
            lines.write(f"{json.dumps(answer)}\n")
            lines.flush()

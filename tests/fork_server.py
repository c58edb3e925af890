"""A process that imports a program's modules once and forks for each start of it. `tests/forked_programs.py` starts and uses it.

The import takes seconds of processor time, which each process of its own would take again. Each start is a process of its own, with its own
arguments, environment, directory and files; on Linux it ends with this one.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1


def _import_all(package: str) -> None:
    """Import the modules of a package, except those that lack an optional package."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.", onerror=lambda name: None):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(module.name)


def _separate_reactor() -> None:
    """Give this process an epoll descriptor and a wake-up pipe of its own, if Twisted's reactor has been imported."""
    if "twisted.internet.reactor" in sys.modules:
        sys.modules["twisted.internet.reactor"].__init__()  # type: ignore[misc]  # the reactor stands there for its module


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
    _separate_reactor()
    module, _, function = start["entry"].partition(":")
    _exit(_code_of(getattr(importlib.import_module(module), function)))


def _code_of(program: Callable[[], Any]) -> int:
    """Call the function of a script that an installer makes, and return the exit code of the script."""
    try:
        code = program()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    return code if isinstance(code, int) else int(code is not None)


def _exit(code: int) -> None:
    """End this process without releasing each object, which would copy the memory that it shares; otherwise as Python ends."""
    threading._shutdown()  # type: ignore[attr-defined]  # private; waits for threads, as the end of Python does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def serve(connection: socket.socket, package: str) -> None:
    """Import a package, and start its programs as often as asked until the connection is closed.

    Each line of the connection is JSON. An object describes a start and is answered with the process id; the id of a started process is
    answered with its exit code, negative for a signal, or with null while it runs.
    """
    _import_all(package)
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

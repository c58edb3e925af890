"""Run a program on untrusted input: a script, run as ``python -I -S sandbox.py SECONDS MEMORY FILE COMMAND...``.

It limits the program's resources (CPU seconds, bytes of memory, bytes of one file), gives it the lowest priority and an empty environment,
has Linux kill it at the parent's death, and executes the program. It imports only the standard library, because it runs without
site-packages.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 64


def command_line(command: Sequence[str], *, seconds: int, memory: int, file: int) -> list[str]:
    """Return the command line that runs `command` (with an absolute path) through this script."""
    limits = map(str, (seconds, memory, file, os.getpid()))
    return [sys.executable, "-I", "-S", os.path.realpath(__file__), *limits, *command]


def _exec(arguments: list[str]) -> None:
    seconds, memory, file, parent = map(int, arguments[:4])
    command = arguments[4:]
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: file,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    os.nice(10)
    os.umask(0o077)
    os.setsid()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            sys.exit("The parent process ended before the child had started.")
    os.execve(command[0], command, {"LC_ALL": "C.UTF-8", "PATH": os.defpath})  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _exec(sys.argv[1:])

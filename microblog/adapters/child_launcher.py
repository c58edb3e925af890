"""Start a server that ends with its parent: a script, run as ``python -I -S child_launcher.py``, and the command line for it.

It changes into a directory (while it is still permitted to), changes from root to another user if requested, leaves the terminal's process
group, asks Linux for a signal at its parent's death, and executes the server. It imports only the standard library, because it runs without
site-packages.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
KEEP = -1  # as uid: do not change the user


def command_line(
    command: Sequence[str | os.PathLike[str]],
    *,
    directory: Path,
    at_parents_death: signal.Signals,
    uid: int = KEEP,
    gid: int = KEEP,
) -> list[str]:
    """Return the command line that starts `command` (with an absolute path) through this script, as a child of this process."""
    numbers = (int(at_parents_death), os.getpid(), uid, gid)
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    return [*launcher, *map(str, numbers), str(directory), *(os.fspath(part) for part in command)]


def _exec(arguments: list[str]) -> None:
    number, parent, uid, gid = map(int, arguments[:4])
    directory, command = arguments[4], arguments[5:]
    os.chdir(directory)  # before giving up root: the other user may have no access to the path
    if uid != KEEP:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    os.setsid()  # Ctrl-C in the terminal is for the parent, which stops its servers in order
    if sys.platform == "linux":
        # After setuid, which would clear it. Linux sends the signal when the thread that forked this process ends.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            sys.exit("The parent process ended before the child had started.")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _exec(sys.argv[1:])

"""Start a server that goes when its parent goes: a script, run as ``python -I -S child_launcher.py``, and the command line for it.

It changes into a directory (while it still may), gives up root for another user where told to, leaves the terminal's
process group, asks Linux for a signal at its parent's death, and becomes the server. It uses the standard library only
and imports nothing of ours, because it runs without site-packages.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
KEEP = -1  # as uid: stay who we are


def command_line(
    command: Sequence[str | os.PathLike[str]],
    *,
    directory: Path,
    at_parents_death: signal.Signals,
    uid: int = KEEP,
    gid: int = KEEP,
) -> list[str]:
    """What to execute, in this process's child, so that `command` (with an absolute path) runs as said above."""
    numbers = (int(at_parents_death), os.getpid(), uid, gid)
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    return [*launcher, *map(str, numbers), str(directory), *(os.fspath(part) for part in command)]


def _become(arguments: list[str]) -> None:
    number, parent, uid, gid = map(int, arguments[:4])
    directory, command = arguments[4], arguments[5:]
    os.chdir(directory)  # before giving up root: the way there may be closed to the other user
    if uid != KEEP:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    os.setsid()  # Ctrl-C in the terminal is for the parent, which stops its servers in order
    if sys.platform == "linux":
        # After setuid, which would clear it. Linux sends it when the thread that forked us ends.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            sys.exit("The parent was gone before its child had started.")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _become(sys.argv[1:])

"""The command `microblog` as a process, without importing the program anew each time, which takes seconds.

One process has imported what commands use, and forks for each of them. The fork has the arguments, environment, directory and standard
files of the command, and ends as the program does. That an installed `microblog` starts is tested in tests/test_manual.py.
"""

from __future__ import annotations

import atexit
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

import psutil
from attrs import define

TIME_LIMIT_S = 120.0  # many times what a command takes, for a machine with other work

FORK_FOR_EACH = """
import atexit, gc, importlib, json, os, pkgutil, socket, sys
status = 0
def leave():  # does not release each object, as that would copy the memory that forks share
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(status)
atexit.register(leave)
import microblog.application, microblog.cli
for package in (microblog.application, microblog.cli):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
gc.freeze()  # for the same reason
commands = socket.socket(fileno=int(sys.argv[1]))
while True:
    request, files, _, _ = socket.recv_fds(commands, 1 << 20, 3)
    if not request:
        sys.exit()
    child = os.fork()
    if not child:
        break
    for file in files:
        os.close(file)
    commands.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
commands.close()
for standard, file in enumerate(files):
    os.dup2(file, standard)
    os.close(file)
given = json.loads(request)
os.environ.clear()
os.environ.update(given["environment"])
os.chdir(given["directory"])
sys.argv = ["microblog", *given["arguments"]]
status = 1  # that of an exception
try:
    microblog.cli.main(prog_name="microblog")
except SystemExit as ended:
    status = ended.code
"""


@define
class PreparedProgram:
    """The process that forks. `commands` is the connection to it: one message for each command, and one for its end."""

    process: subprocess.Popen[bytes]
    commands: socket.socket

    def run(self, request: Mapping[str, object], files: list[int]) -> int:
        """Run one command with these standard files; return its exit code, negative for a signal. Raises TimeoutError."""
        socket.send_fds(self.commands, [json.dumps(request).encode()], files)
        try:
            ended = self.commands.recv(16)
        except TimeoutError:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                process.kill()
            raise
        assert ended, "the process that runs commands has ended"
        return int(ended)

    def close(self) -> None:
        """End the process."""
        self.commands.close()
        self.process.wait(TIME_LIMIT_S)


@cache
def _prepared() -> PreparedProgram:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(TIME_LIMIT_S)
    with closing(theirs):
        process = subprocess.Popen([sys.executable, "-c", FORK_FOR_EACH, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    program = PreparedProgram(process, ours)
    atexit.register(program.close)
    return program


def run_command(
    *arguments: str, environment: Mapping[str, str], input: str = "", directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `microblog` with these arguments, in exactly this environment."""
    request = {"arguments": arguments, "environment": dict(environment), "directory": str(directory or Path.cwd())}
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as errors:
        given.write(input)
        given.seek(0)
        code = _prepared().run(request, [given.fileno(), printed.fileno(), errors.fileno()])
        printed.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(["microblog", *arguments], code, printed.read(), errors.read())

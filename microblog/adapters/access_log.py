"""The access log: a file that several processes share. It is rotated by size; logrotate may rotate it too."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from attrs import define, field
from twisted.logger import Logger

MAX_BYTES = 20_000_000  # bytes per file before rotation
ROTATED_FILES = 5

_log = Logger()


@define
class AccessLog:
    """Access log with one line per request.

    Each write is one system call with O_APPEND, so lines of several processes do not overwrite each other. Before each write, the path is
    checked: if it is another file by now (rotated by another process or by logrotate), that file is opened.
    """

    path: Path
    length: int = MAX_BYTES
    older_files: int = ROTATED_FILES
    _descriptor: int | None = field(init=False, default=None)
    _is_cut_off: bool = field(init=False, default=False)

    @classmethod
    def below(cls, data_dir: Path) -> AccessLog:
        """Return the access log in the site's data directory."""
        directory = data_dir / "log"
        directory.mkdir(mode=0o700, exist_ok=True)
        return cls(directory / "access.log")

    def start(self) -> None:
        """Open the file, and mark it where its last line was cut off by a full disk or a power failure. Raises OSError.

        Only here: later, while another process writes, the file's end may for a moment be the middle of a line that is not cut off.
        """
        self.reopen()
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        self._is_cut_off = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"

    def stop(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def reopen(self) -> None:
        """Open the file at the path again. Raises OSError."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.stop()
        self._descriptor = descriptor
        self._is_cut_off = False

    def write(self, lines: str) -> None:
        """Append whole lines. Failures, such as a full disk, are logged and do not affect requests."""
        try:
            self._append(self._current_file(), lines.encode("utf-8", "replace"))
        except OSError as problem:
            _log.warn("Could not write to the access log: {reason}", reason=problem.strerror)

    def _append(self, descriptor: int, lines: bytes) -> None:
        rest = memoryview(b"\n" + lines if self._is_cut_off else lines)
        self._is_cut_off = False
        while rest:  # a second pass happens only if the disk is full, and then it raises
            done = os.write(descriptor, rest)
            self._is_cut_off, rest = done < len(rest), rest[done:]
        self._is_cut_off = False

    def _current_file(self) -> int:
        if self._descriptor is None or not self._is_at_path():
            self.reopen()
        elif os.fstat(self._descriptor).st_size >= self.length:
            self._rotate()
        assert self._descriptor is not None
        return self._descriptor

    def _is_at_path(self) -> bool:
        assert self._descriptor is not None
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        """Rotate the files, unless another process is doing so or has done so."""
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_at_path():
                for number in range(self.older_files, 0, -1):
                    with suppress(FileNotFoundError):
                        (self._older(number - 1) if number > 1 else self.path).replace(self._older(number))
        except BlockingIOError:  # write to the current file; the next write opens the new one
            return
        finally:
            os.close(directory)
        self.reopen()

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

"""Progress bars on standard error, for commands that may take minutes. Nothing is shown unless it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from attrs import define, field


@define
class Progress:
    """A bar that appears with the first step, when the total is known. May be used from one thread at a time."""

    label: str
    is_shown: bool
    _bar: Any = field(init=False, default=None)
    _done: int = field(init=False, default=0)

    def step(self, total: int) -> None:
        """Count one of `total` steps as done."""
        self.reach(self._done + 1, total)

    def reach(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if not self.is_shown:
            return
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=self.label, file=sys.stderr)
            self._bar.__enter__()
        self._bar.length = total
        self._bar.update(done - self._done)
        self._done = done

    def end(self) -> None:
        """Leave the bar as it is and begin a new line."""
        if self._bar is not None:
            self._bar.render_finish()


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Show the progress of the block under this label, if standard error is a terminal."""
    shown = Progress(label, sys.stderr.isatty())
    try:
        yield shown
    finally:
        shown.end()

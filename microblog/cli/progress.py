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
    """One bar for each step of the work, which appears when the step begins. May be used from one thread at a time."""

    is_shown: bool
    _step: str = field(init=False, default="")
    _done: int = field(init=False, default=0)
    _bar: Any = field(init=False, default=None)

    def report(self, step: str, done: int, total: int) -> None:
        """Show that `done` of `total` parts of this step are done."""
        if not self.is_shown:
            return
        if step != self._step or self._bar is None:
            self.end()
            self._step, self._done = step, 0
            self._bar = click.progressbar(length=total, label=f"{step:<12}", file=sys.stderr)
            self._bar.render_progress()
        self._bar.update(done - self._done)
        self._done = done

    def count(self, step: str, total: int) -> None:
        """Show that one more of `total` parts of this step is done."""
        self.report(step, (self._done if step == self._step else 0) + 1, total)

    def end(self) -> None:
        """Leave the bar as it is and begin a new line."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


@contextmanager
def progress() -> Iterator[Progress]:
    """Show the progress of the block, if standard error is a terminal."""
    shown = Progress(sys.stderr.isatty())
    try:
        yield shown
    finally:
        shown.end()

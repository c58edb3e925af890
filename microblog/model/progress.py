"""Progress of long work."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Is called during long work with the name of the present step, how much of it is done, and how much it is. Must return quickly."""


def unreported(step: str, done: int, total: int) -> None:
    """Ignore the progress."""

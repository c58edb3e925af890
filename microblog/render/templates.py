"""The directory of the page and e-mail templates.

In the repository `templates/` is beside the package; in a wheel it is inside of it (setup.py copies it there).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader

PACKAGE = Path(__file__).parents[1]


@cache
def templates() -> Path:
    """Return the installed directory, or that of the repository if the package runs from there."""
    installed = PACKAGE / "templates"
    return installed if installed.is_dir() else PACKAGE.parent / "templates"


def loader() -> FileSystemLoader:
    """Return the Jinja2 loader of the templates."""
    return FileSystemLoader(templates())

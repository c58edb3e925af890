"""Sphinx configuration of the documentation: `./run.sh docs` builds it into build/docs, without network."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from microblog import __version__

project = "microblog"
copyright = "the microblog contributors"  # Sphinx reads this name
release = version = __version__

extensions = ["myst_parser"]
myst_heading_anchors = 3  # links to headings, as on the pages of the repository
html_theme = "furo"
html_title = f"microblog {release}"


def with_links_of_the_site(text: str) -> str:
    """Return a page whose links to other pages work here: those to files of the repository become text, `docs/` is this directory."""
    text = re.sub(r"\[`?([^\]`]+)`?\]\(\.\./[^)]*\)", r"`\1`", text)
    return text.replace("](docs/", "](")


def _read_page(_app: Sphinx, _name: str, source: list[str]) -> None:
    source[0] = with_links_of_the_site(source[0])


def _read_included(_app: Sphinx, _path: Path, _name: str, source: list[str]) -> None:
    source[0] = with_links_of_the_site(source[0])


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("source-read", _read_page)
    app.connect("include-read", _read_included)

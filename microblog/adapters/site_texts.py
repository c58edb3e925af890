"""The administrator's texts, in files: rules.txt (one rule per line), about.txt and privacy.txt (plain text; links are linked)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from microblog.model.site_texts import NO_TEXTS, SiteTexts, TextPage


def texts_in(directory: Path | None, html: Callable[[str], str]) -> SiteTexts:
    """Read the texts; `html` converts plain text to safe HTML. Raises OSError, UnicodeError."""
    if directory is None:
        return NO_TEXTS
    rules = _text(directory / "rules.txt").split("\n")
    return SiteTexts(
        tuple(line.strip() for line in rules if line.strip()),
        _page(directory / "about.txt", html),
        _page(directory / "privacy.txt", html) or NO_TEXTS.privacy,
    )


def _text(path: Path) -> str:
    return path.read_text("utf-8-sig") if path.exists() else ""


def _page(path: Path, html: Callable[[str], str]) -> TextPage | None:
    text = _text(path)
    return TextPage(html(text), datetime.fromtimestamp(path.stat().st_mtime, UTC)) if text.strip() else None

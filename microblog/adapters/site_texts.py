"""The administrator's texts, in files: rules.txt (one rule per line), about.txt and privacy.txt (plain text; links are linked)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from microblog.model.ids import RuleId
from microblog.model.rules import Rule
from microblog.model.site_texts import NO_TEXTS, SiteTexts, TextPage

RULES, ABOUT, PRIVACY = "rules.txt", "about.txt", "privacy.txt"


def texts_in(directory: Path | None, html: Callable[[str], str]) -> SiteTexts:
    """Read the texts but the rules; `html` converts plain text to safe HTML. Raises OSError, UnicodeError."""
    if directory is None:
        return NO_TEXTS
    return SiteTexts(about=_page(directory / ABOUT, html), privacy=_page(directory / PRIVACY, html) or NO_TEXTS.privacy)


def rules_in(directory: Path | None) -> tuple[Rule, ...]:
    """Read the rules, numbered from 1. Raises OSError, UnicodeError."""
    lines = () if directory is None else _text(directory / RULES).split("\n")
    texts = [line.strip() for line in lines if line.strip()]
    return tuple(Rule(RuleId(number), text) for number, text in enumerate(texts, 1))


def _text(path: Path) -> str:
    return path.read_text("utf-8-sig") if path.exists() else ""


def _page(path: Path, html: Callable[[str], str]) -> TextPage | None:
    text = _text(path)
    return TextPage(html(text), datetime.fromtimestamp(path.stat().st_mtime, UTC)) if text.strip() else None

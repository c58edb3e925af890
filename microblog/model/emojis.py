"""Custom emoji: pictures that stand for `:shortcode:` in the texts of those who may use them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen


@frozen
class Emoji:
    """A custom emoji in a text. `shortcode` is without colons."""

    shortcode: str
    id: int

    @property
    def path(self) -> str:
        """The path of its picture, which may change."""
        return f"/media_proxy/emojis/{self.id}"


def emojis_from(stored: Sequence[Sequence[Any]] | None) -> tuple[Emoji, ...]:
    """Build emoji from a list of [shortcode, id]."""
    return tuple(Emoji(shortcode, id) for shortcode, id in stored) if stored else ()


def in_texts(emojis: Iterable[Emoji], *texts: str) -> tuple[Emoji, ...]:
    """Return the emoji that occur in the texts, each once."""
    return tuple(dict.fromkeys(each for each in emojis if any(f":{each.shortcode}:" in text for text in texts)))

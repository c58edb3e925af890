"""Custom emoji: pictures that stand for `:shortcode:` in texts. Those of this site may be written by everybody here; other servers name
theirs in each post and account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from attrs import frozen


@frozen
class EmojiFiles:
    """Names of the stored pictures of an emoji of this site, with their bytes together. `still` is a PNG of the first frame."""

    original: str
    still: str
    bytes: int = 0


@frozen
class Emoji:
    """A custom emoji in a text. `shortcode` is without colons. Only emoji of this site have `files`, and what follows."""

    shortcode: str
    id: int
    files: EmojiFiles | None = None
    is_listed: bool = False
    updated_at: datetime | None = None
    category: str = ""

    @property
    def path(self) -> str:
        """The path of its picture, which may change."""
        return f"/media_proxy/emojis/{self.id}" if self.files is None else f"/media/{self.files.original}"

    @property
    def still_path(self) -> str:
        """The path of a picture that does not move, if there is one of its own."""
        return self.path if self.files is None else f"/media/{self.files.still}"

    @property
    def version(self) -> str:
        """Changes with everything that a text shows of it."""
        return f"{self.path}.{self.is_listed:d}"

    def is_in(self, text: str) -> bool:
        """True if the text has the emoji."""
        if self.files is None:
            return f":{self.shortcode}:" in text
        return pattern_of(self.shortcode).search(text) is not None


@frozen
class CustomEmoji:
    """An emoji as administrators see it. `host` is None for this site; `url` is where the picture of another server's is.

    `bytes`: of its pictures that are stored here.
    """

    emoji: Emoji
    host: str | None
    url: str | None
    disabled_at: datetime | None
    created_at: datetime
    bytes: int = 0

    @property
    def code(self) -> str:
        """Its name in the audit log, such as `:cat:` or `:cat:@example.org`."""
        return f":{self.emoji.shortcode}:" + (f"@{self.host}" if self.host else "")

    @property
    def sort_key(self) -> str:
        """Code and server, by which lists are ordered. Together they name an emoji."""
        return f"{self.emoji.shortcode.lower()}@{self.host or ''}"


@frozen
class EmojiDraft:
    """A custom emoji of this site without its picture. `is_listed`: pickers show it."""

    shortcode: str
    category: str = ""
    is_listed: bool = True


@frozen
class EmojiChange:
    """A change of custom emoji of this site; None keeps a value."""

    shortcode: str | None = None
    category: str | None = None
    is_listed: bool | None = None
    is_disabled: bool | None = None


@frozen
class EmojiQuery:
    """Criteria of a search for emoji; those that are None or empty match all.

    `is_here`: of this site, or of others. `host`: of this one. `shortcode` is the whole code, `part` a part of it, without regard to case.
    """

    is_here: bool | None = None
    host: str = ""
    shortcode: str = ""
    part: str = ""
    category: str | None = None
    is_disabled: bool | None = None
    is_listed: bool | None = None


@frozen
class EmojiPage:
    """A page of a list ordered by `sort_key`: the first `limit` after `after`, or the last ones before `before`."""

    limit: int
    after: str = ""
    before: str = ""


@frozen
class ImportOptions:
    """Options of an import. `prefix` and `suffix` are added to the names of the files; `overwrite`: replace the pictures of known emoji."""

    category: str = ""
    prefix: str = ""
    suffix: str = ""
    overwrite: bool = False
    is_listed: bool = True


@frozen
class ArchivedFile:
    """A file of an archive of emoji: its name there and its content, cut off if it is too long; or why it cannot be read."""

    name: str
    content: bytes = b""
    problem: str = ""


@lru_cache(maxsize=4_000)
def pattern_of(*shortcodes: str) -> re.Pattern[str]:
    """Return a pattern of codes of this site's emoji. Beside a letter, a digit or another colon, they are text."""
    return re.compile(rf"(?<![^\W_])(?<!:):({'|'.join(map(re.escape, shortcodes))}):(?![^\W_])(?!:)")


def emojis_from(stored: Sequence[Sequence[Any]] | None, *texts: str) -> tuple[Emoji, ...]:
    """Build emoji from JSON: a list of [shortcode, id], or of this site's emoji that may be in the texts, as storage/emojis.py selects."""
    if not stored:
        return ()
    if len(stored[0]) == 2:
        return tuple(Emoji(shortcode, id) for shortcode, id in stored)
    found = (
        Emoji(shortcode, id, EmojiFiles(file, still), is_listed, datetime.fromisoformat(updated_at))
        for shortcode, id, file, still, is_listed, updated_at in stored
    )
    return in_texts(found, *texts)


def in_texts(emojis: Iterable[Emoji], *texts: str) -> tuple[Emoji, ...]:
    """Return the emoji that occur in the texts, each once."""
    return tuple(dict.fromkeys(each for each in emojis if any(each.is_in(text) for text in texts)))

"""View models of the administrators' pages of custom emoji. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from microblog.model.emojis import CustomEmoji, Emoji, EmojiDraft, EmojiQuery, ImportOptions

STATES = {"": "All", "enabled": "Enabled", "unlisted": "Not in the picker", "disabled": "Disabled"}


@frozen
class EmojisPage:
    """A page of emoji of this site or, if `query.is_here` is False, of other servers; with the form for a new one as submitted."""

    emojis: tuple[CustomEmoji, ...]
    query: EmojiQuery
    categories: tuple[str, ...] = ()
    state: str = ""
    older: str | None = None
    draft: EmojiDraft = field(factory=lambda: EmojiDraft(""))
    selected: frozenset[int] = frozenset()
    new_category: str = ""
    errors: Mapping[str, str] = field(factory=dict)
    states: Mapping[str, str] = STATES

    @property
    def is_filtered(self) -> bool:
        """True if the list may lack some emoji."""
        return bool(self.query.part or self.query.host or self.query.category or self.state)


@frozen
class EmojiGroup:
    """The emoji of a category, in the order of the list; an empty name stands for those of none."""

    name: str
    emojis: tuple[Emoji, ...]


def grouped(emojis: Iterable[Emoji]) -> list[EmojiGroup]:
    """Return the emoji by category: first those of none, then the categories by name."""
    by_name: dict[str, list[Emoji]] = {}
    for emoji in emojis:
        by_name.setdefault(emoji.category, []).append(emoji)
    return [EmojiGroup(name, tuple(by_name[name])) for name in sorted(by_name, key=str.lower)]


@frozen
class EmojiForm:
    """The form of one emoji, as stored or as submitted."""

    emoji: CustomEmoji
    draft: EmojiDraft
    categories: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(factory=dict)


@frozen
class EmojiImportPage:
    """The form for an archive, as submitted, with the result in words. `failed` has the names of files that were not imported, and why."""

    options: ImportOptions
    categories: tuple[str, ...] = ()
    result: str = ""
    failed: Mapping[str, str] = field(factory=dict)
    errors: Mapping[str, str] = field(factory=dict)

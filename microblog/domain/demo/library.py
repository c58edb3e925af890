"""People and texts for the demo site, read from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from math import prod
from typing import Any

from attrs import frozen


@frozen
class LibraryPerson:
    """A person of the demo, as in people.toml. The first of `speaks` is the main language; `zone` is hours east of UTC."""

    username: str
    name: str
    bio: str
    speaks: tuple[str, ...]
    interests: tuple[str, ...]
    zone: int
    locked: bool = False
    site: str | None = None


@frozen
class WrittenPost:
    """A complete post. `by` is its author, if the text fits only one."""

    topic: str
    text: str
    spoiler: str = ""
    by: str | None = None


@frozen
class Template:
    """A post with slots: {a}, {b} and {c} are each filled from their list."""

    topic: str
    text: str
    slots: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def size(self) -> int:
        """Number of different texts that the template can make."""
        return prod(len(choices) for _, choices in self.slots)

    def filled(self, number: int) -> str:
        """Return the text with this number, 0 to `size` - 1."""
        values: dict[str, str] = {}
        for name, choices in self.slots:
            number, place = divmod(number, len(choices))
            values[name] = choices[place]
        return self.text.format(**values)


@frozen
class Script:
    """A conversation: lines of speaker (a letter) and text. `by` is the person who speaks `a`, if it fits only one."""

    topic: str
    lines: tuple[tuple[str, str], ...]
    by: str | None = None


@frozen
class LanguageTexts:
    """All texts of one language. `replies` are by topic; "any" fits every topic."""

    language: str
    entries: tuple[WrittenPost, ...]
    templates: tuple[Template, ...]
    replies: Mapping[str, Sequence[str]]
    scripts: tuple[Script, ...]
    edits: tuple[str, ...]
    direct: tuple[str, ...]


@frozen
class Library:
    """All people and all texts."""

    people: tuple[LibraryPerson, ...]
    languages: tuple[LanguageTexts, ...]


def load() -> Library:
    """Read the packaged files, in alphabetical order."""
    here = resources.files(__package__)
    people = tomllib.loads(here.joinpath("people.toml").read_text("utf-8"))["person"]
    files = sorted(here.joinpath("texts").iterdir(), key=lambda file: file.name)
    return Library(
        tuple(_person(**person) for person in people),
        tuple(_language_texts(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8"))) for file in files),
    )


def _person(*, speaks: Sequence[str], interests: Sequence[str], **rest: Any) -> LibraryPerson:
    return LibraryPerson(speaks=tuple(speaks), interests=tuple(interests), **rest)


def _language_texts(language: str, data: Mapping[str, Any]) -> LanguageTexts:
    return LanguageTexts(
        language,
        tuple(_entry(topic, entry) for topic, entries in data["posts"].items() for entry in entries),
        tuple(_template(**template) for template in data["templates"]),
        data["replies"],
        tuple(_script(**script) for script in data["threads"]),
        tuple(data["edits"]),
        tuple(data["direct"]),
    )


def _entry(topic: str, entry: str | Mapping[str, str]) -> WrittenPost:
    return WrittenPost(topic, entry) if isinstance(entry, str) else WrittenPost(topic, **entry)


def _template(*, topic: str, text: str, **slots: Sequence[str]) -> Template:
    return Template(topic, text, tuple((name, tuple(choices)) for name, choices in slots.items()))


def _script(*, topic: str, lines: Sequence[str], by: str | None = None) -> Script:
    cut = (line.partition(": ") for line in lines)
    return Script(topic, tuple((who, what) for who, _, what in cut), by)

"""Rendered pages with slots, and a cache of what surrounds the posts on a page.

A slot is a place whose value differs between two renderings of the same page: the time, form tokens, the articles. Templates print it as an
HTML comment. No text of a user can contain one, because texts are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache

from attrs import Factory, define, evolve, frozen
from markupsafe import Markup, escape

from microblog.model.caches import CacheFigures
from microblog.render.html.view_models import PostListView

MAX_SHELLS = 1_000
MAX_ENCODED = 2_000
_SLOT = re.compile("<!--([a-z]+[0-9]*)-->")


def slot(name: str) -> Markup:
    """Return what a template prints for a slot: letters, and a number if there are several of a kind."""
    return Markup(f"<!--{name}-->")  # noqa: S704 - names are constants


@frozen
class HtmlPage:
    """A page in pieces: every second one is the name of a slot. `values` are the values of this rendering; `bytes(page)` has them."""

    pieces: tuple[bytes, ...]
    values: Mapping[bytes, bytes]

    def __bytes__(self) -> bytes:
        """Return the page with the values in place."""
        return b"".join(self.values[piece] if index % 2 else piece for index, piece in enumerate(self.pieces))


@frozen
class Shell:
    """A rendered template: pieces of HTML, each but the first with the name of the slot in front of it."""

    first: bytes
    others: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, text: str) -> Shell:
        """Split the output of a template. A lone surrogate in user input becomes a question mark instead of an error."""
        parts = _SLOT.split(text)
        pieces = [part.encode("utf-8", "replace") for part in parts[::2]]
        return cls(pieces[0], tuple(zip(parts[1::2], pieces[1:], strict=True)))

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.first) + sum(len(piece) for _, piece in self.others)

    def with_inserted(self, name: str, part: Shell) -> Shell:
        """Return this shell with another one in place of the slots of this name."""
        pieces = [("", self.first)]
        for slot_name, piece in self.others:
            if slot_name == name:
                pieces[-1] = pieces[-1][0], pieces[-1][1] + part.first
                pieces += part.others
                pieces[-1] = pieces[-1][0], pieces[-1][1] + piece
            else:
                pieces.append((slot_name, piece))
        return Shell(pieces[0][1], tuple(pieces[1:]))

    def filled(self, contents: Mapping[str, Iterable[str]], values: Mapping[str, str]) -> HtmlPage:
        """Return the page with these contents in place, and with a slot for each of the values."""
        pieces: list[bytes] = []
        current = [self.first]
        for name, piece in self.others:
            if name in contents:
                current += map(_encoded, contents[name])
            else:
                pieces += (b"".join(current), name.encode("ascii"))
                current = []
            current.append(piece)
        pieces.append(b"".join(current))
        return HtmlPage(tuple(pieces), {name.encode("ascii"): value.encode("utf-8", "replace") for name, value in values.items()})


@lru_cache(MAX_ENCODED)
def _encoded(part: str) -> bytes:
    """Encode a part of a page: an article is on many of them."""
    return part.encode("utf-8", "replace")


@define
class Contents:
    """Values for the slots of a page, inserted after its template was rendered.

    Jinja2 would copy articles at every level of nesting, in strings as wide as their widest character: that took longer than all the rest.
    """

    texts: dict[str, Iterable[str]] = Factory(dict)

    def add(self, texts: Iterable[str], name: str = "articles") -> Markup:
        """Insert these texts, which are HTML; return their slot."""
        numbered = f"{name}{len(self.texts)}"
        self.texts[numbered] = texts
        return slot(numbered)

    def feed(self, feed: PostListView) -> PostListView:
        """Return the page of posts with slots for its articles and links. It is true where the given one is."""
        return evolve(
            feed,
            articles=(self.add(feed.articles),) if feed.articles else (),
            older=self.add([escape(feed.older)], "older") if feed.older else None,
            newer=self.add([escape(feed.newer)], "newer") if feed.newer else None,
        )


@define(repr=False)
class ShellCache:
    """The last shells by template and viewer. A shell depends on nothing but its arguments, so it is reused while they are equal."""

    capacity: int = MAX_SHELLS
    hits: int = 0
    misses: int = 0
    _shells: dict[Hashable, tuple[object, Shell]] = Factory(dict)

    def figures(self) -> CacheFigures:
        """Return the statistics for metrics."""
        return CacheFigures("shells", self.hits, self.misses, len(self._shells), sum(shell.size for _, shell in self._shells.values()))

    def get_or_render(self, key: Hashable, arguments: object, render: Callable[[], str]) -> Shell:
        """Return the shell of this key if it was rendered with equal arguments; otherwise render it."""
        known = self._shells.pop(key, None)
        if known is not None and known[0] == arguments:
            self.hits += 1
        else:
            self.misses += 1
            known = arguments, Shell.of(render())
        if self.capacity:
            self._shells[key] = known
        if len(self._shells) > self.capacity:
            del self._shells[next(iter(self._shells))]
        return known[1]

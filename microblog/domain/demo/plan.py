"""The contents of a demo site as plain values; fill.py writes them to the database."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.posts import Visibility


@frozen
class DemoPerson:
    """A person of the demo. `language` is their main one; `site` is a URL for their profile."""

    username: str
    display_name: str
    bio: str
    language: str
    languages: tuple[str, ...]
    interests: tuple[str, ...]
    joined: datetime
    locked: bool = False
    site: str | None = None


@frozen
class PlannedEdit:
    """An edit: the text of a post from `at` on."""

    at: datetime
    text: str


@frozen
class PlannedPost:
    """A post or boost. `index` is its position in `Demo.posts`, which are in order of time.

    `reply_to` and `boost_of` are smaller indexes. A boost has no text of its own. People are referred to by username. `text` is the first
    version, before the `edits`.
    """

    index: int
    author: str
    text: str
    language: str
    at: datetime
    reply_to: int | None = None
    boost_of: int | None = None
    visibility: Visibility = Visibility.PUBLIC
    spoiler: str = ""
    edits: tuple[PlannedEdit, ...] = ()


@frozen
class PlannedFollow:
    """`follower` follows `followed`; if not `accepted`, the request is pending (only for locked accounts)."""

    follower: str
    followed: str
    at: datetime
    accepted: bool = True


@frozen
class PlannedFavourite:
    """`account` favourites the post with this index (never a boost)."""

    account: str
    post: int
    at: datetime


@frozen
class PlannedBookmark:
    """`account` bookmarks the post with this index (never a boost)."""

    account: str
    post: int
    at: datetime


@frozen
class Demo:
    """The whole plan. People, follows, favourites and bookmarks are in order of time, like the posts."""

    people: tuple[DemoPerson, ...]
    follows: tuple[PlannedFollow, ...]
    posts: tuple[PlannedPost, ...]
    favourites: tuple[PlannedFavourite, ...]
    bookmarks: tuple[PlannedBookmark, ...]

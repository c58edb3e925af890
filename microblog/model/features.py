"""What people put on their profiles beside their posts."""

from __future__ import annotations

from datetime import date

from attrs import frozen

from microblog.model.ids import RelationId
from microblog.model.posts import Tag


@frozen
class FeaturedTag:
    """A tag on somebody's profile, with how many of their posts have it and when the last one came."""

    id: RelationId
    tag: Tag
    posts: int = 0
    last_on: date | None = None


@frozen
class KeptTag:
    """A tag that somebody follows. `id` is the follow's own: the list is paged by it."""

    id: RelationId
    tag: Tag


@frozen
class TagFlags:
    """How one viewer stands to a tag."""

    following: bool = False
    featuring: bool = False

"""Trends, and decisions of moderators about them. `approved` is None where nobody has decided."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.cards import Card, CardId
from microblog.model.ids import PostId
from microblog.model.posts import Post, Tag, TagDay, TagUse


class TrendsMode(StrEnum):
    """Trends that people see: all that moderators did not reject, only those that they approved, or none."""

    ALL = "all"
    APPROVED = "approved"
    NONE = "none"

    def shows(self, approved: bool | None) -> bool:
        """True if people see a trend with this decision of moderators."""
        return self is not TrendsMode.NONE and (self is TrendsMode.ALL if approved is None else approved)


@frozen
class ReviewedTag:
    """A hashtag with what moderators decided about it.

    `usable`: people here may use it in posts. `listable`: search and autocomplete find it. `approved`: it may trend.
    """

    tag: Tag
    usable: bool = True
    listable: bool = True
    approved: bool | None = None
    reviewed_at: datetime | None = None


@frozen
class ReviewedTagUse:
    """A hashtag with what moderators decided about it, and its recent use."""

    reviewed: ReviewedTag
    use: TagUse


@frozen
class TagChanges:
    """Changes of a hashtag by a moderator; None keeps the value."""

    name: str | None = None
    usable: bool | None = None
    listable: bool | None = None
    approved: bool | None = None


@frozen
class PostTrend:
    """A trending post."""

    id: PostId
    approved: bool | None


@frozen
class ReviewedPost:
    """A trending post with what moderators decided about it."""

    post: Post
    approved: bool | None


@frozen
class LinkTrend:
    """A link that trends, or did, with its recent use: today first."""

    id: CardId
    card: Card
    approved: bool | None
    days: tuple[TagDay, ...] = ()

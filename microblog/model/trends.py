"""Trends, and decisions of moderators about them. `approved` is None where nobody has decided."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.cards import Card, CardId
from microblog.model.ids import PostId
from microblog.model.posts import Post, Tag, TagDay, TagUse


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

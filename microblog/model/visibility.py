"""The rule of who may see a post, on values. storage/visibility.py is the same rule in SQL; a property test holds them equal.

Every exit uses one of the two: pages, API, feeds, streams, mail, search, statistics.
"""

from __future__ import annotations

from attrs import frozen

from microblog.model.posts import Visibility


@frozen
class ViewerRelation:
    """What has to be known about a post and a viewer (or nobody) to decide."""

    visibility: Visibility
    is_author: bool = False
    is_mentioned: bool = False
    follows_author: bool = False
    blocked_by_author: bool = False
    author_gone: bool = False
    deleted: bool = False


def may_see(sight: ViewerRelation) -> bool:
    """True if the viewer may see the post at all, by its address or anywhere else.

    A block by the author hides everything. A suspended or deleted author's posts are hidden from everybody. No role sees more: a
    moderator reads what others wrote only where it was addressed to them.
    """
    if sight.deleted or sight.author_gone:
        return False
    if sight.is_author:
        return True
    if sight.blocked_by_author:
        return False
    if sight.visibility in (Visibility.PUBLIC, Visibility.UNLISTED):
        return True
    return sight.is_mentioned or (sight.visibility is Visibility.PRIVATE and sight.follows_author)

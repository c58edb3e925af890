"""The visibility rule of posts, on values. storage/visibility.py is the same rule in SQL; a property test compares them.

All outputs use one of the two: pages, API, feeds, streams, e-mail, search, statistics.
"""

from __future__ import annotations

from attrs import frozen

from microblog.model.posts import Visibility


@frozen
class ViewerRelation:
    """The facts about a post and a viewer (or an anonymous visitor) that decide visibility.

    `is_mentioned`: the post names the viewer, or is addressed to the viewer without saying so.
    """

    visibility: Visibility
    is_author: bool = False
    is_mentioned: bool = False
    follows_author: bool = False
    blocked_by_author: bool = False
    author_gone: bool = False
    deleted: bool = False


def may_see(relation: ViewerRelation) -> bool:
    """True if the viewer may see the post, at its URL or anywhere else.

    A block by the author hides everything. Posts of suspended or deleted authors are hidden from everybody. No role sees more:
    moderators cannot read private posts that are not addressed to them.
    """
    if relation.deleted or relation.author_gone:
        return False
    if relation.is_author:
        return True
    if relation.blocked_by_author:
        return False
    if relation.visibility in (Visibility.PUBLIC, Visibility.UNLISTED):
        return True
    return relation.is_mentioned or (relation.visibility is Visibility.PRIVATE and relation.follows_author)

"""Lists: people whom somebody follows, put together in order to be read by themselves."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from microblog.model.ids import ListId


class ListReplies(StrEnum):
    """Which replies to others a list shows, beside those to its owner: to whom the owner follows, to the list's members, or none."""

    FOLLOWED = "followed"
    LIST = "list"
    NONE = "none"


@frozen
class AccountList:
    """One list of somebody. What the members of an `exclusive` one post is not shown at home."""

    id: ListId
    title: str
    replies: ListReplies = ListReplies.LIST
    exclusive: bool = False

"""Lists of followed accounts, each with a timeline of its own."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from microblog.model.ids import ListId


class ListReplies(StrEnum):
    """Replies that a list shows, beside replies to its owner: to accounts that the owner follows, to members of the list, or none."""

    FOLLOWED = "followed"
    LIST = "list"
    NONE = "none"


@frozen
class AccountList:
    """A list. Posts by members of an `exclusive` list are not shown in the home timeline."""

    id: ListId
    title: str
    replies: ListReplies = ListReplies.LIST
    exclusive: bool = False

"""Direct conversations as each participant sees them."""

from __future__ import annotations

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import ConversationId, PostId
from microblog.model.posts import Post


@frozen
class Conversation:
    """The direct posts of one thread between an account and one set of participants.

    `people` are the other participants, without deleted accounts; empty if the account writes to itself. `last` is the newest post that the
    account may see. `sort_key` orders the list of conversations: the id of the newest post, visible or not.
    """

    id: ConversationId
    account: Account
    people: tuple[Account, ...]
    last: Post
    unread: bool
    sort_key: PostId

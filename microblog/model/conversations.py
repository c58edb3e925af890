"""Direct conversations, as each of those who take part sees them."""

from __future__ import annotations

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import ConversationId, PostId
from microblog.model.posts import Post


@frozen
class Conversation:
    """What one account and a certain set of others said to each other below one first post.

    `people` are the others, without those who are gone; nobody where the account talks to itself. `last` is the newest post of it that
    the account may see. `place` orders the list of conversations: the id of the newest post, seen or not.
    """

    id: ConversationId
    account: Account
    people: tuple[Account, ...]
    last: Post
    unread: bool
    place: PostId

"""API entity of a conversation."""

from __future__ import annotations

import orjson
from attrs import frozen

from microblog.model.conversations import Conversation
from microblog.render.api.accounts import ACCOUNT
from microblog.render.api.definition import Definition, Entity, key, many
from microblog.render.api.schemas import FLAG, ID, nullable
from microblog.render.api.site import SiteUrls
from microblog.render.api.statuses import STATUS


@frozen
class ConversationWithStatus:
    """A conversation with its last post as JSON, encoded for its owner."""

    conversation: Conversation
    status: bytes


CONVERSATION = Definition[ConversationWithStatus, SiteUrls](
    "Conversation",
    {
        "id": key(ID, lambda now, _: str(now.conversation.id)),
        "unread": key(FLAG, lambda now, _: now.conversation.unread),
        "accounts": many(ACCOUNT, lambda now, _: now.conversation.people or (now.conversation.account,)),
        "last_status": key(nullable(STATUS), lambda now, _: orjson.Fragment(now.status)),
    },
)


def conversation_entity(site: SiteUrls, conversation: Conversation, status: bytes) -> Entity:
    """Return the Conversation entity. `status` is the last post as JSON, encoded for the owner of the conversation.

    If there are no other participants, `accounts` holds the owner.
    """
    return CONVERSATION(ConversationWithStatus(conversation, status), site)

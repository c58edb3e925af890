"""Conversations, as the API tells them."""

from __future__ import annotations

import orjson

from microblog.model.conversations import Conversation
from microblog.render.entities import Entities, Entity
from microblog.render.schemas import ACCOUNT, FLAG, ID, STATUS, array_of, entity, nullable

CONVERSATION = entity("Conversation", {"id": ID, "unread": FLAG, "accounts": array_of(ACCOUNT), "last_status": nullable(STATUS)})


def conversation_entity(entities: Entities, conversation: Conversation, status: bytes) -> Entity:
    """Conversation (8.17). `status` is its last post, encoded for whose it is. Where nobody else takes part, that is who does."""
    return {
        "id": str(conversation.id),
        "unread": conversation.unread,
        "accounts": entities.accounts(conversation.people or (conversation.account,)),
        "last_status": orjson.Fragment(status),
    }

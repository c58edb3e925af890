"""Lists and what is told of them, as the API tells it."""

from __future__ import annotations

from microblog.model.lists import List
from microblog.render.entities import Entity
from microblog.render.schemas import FLAG, ID, TEXT, entity, one_of

LIST = entity("List", {"id": ID, "title": TEXT, "replies_policy": one_of("followed", "list", "none"), "exclusive": FLAG})


def list_entity(made: List) -> Entity:
    """List (8.13)."""
    return {"id": str(made.id), "title": made.title, "replies_policy": made.replies, "exclusive": made.exclusive}

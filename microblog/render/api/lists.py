"""API entity of a list."""

from __future__ import annotations

from microblog.model.lists import AccountList
from microblog.render.api.definition import Definition, key
from microblog.render.api.schemas import FLAG, ID, TEXT, one_of

LIST = Definition[AccountList, None](
    "List",
    {
        "id": key(ID, lambda made, _: str(made.id)),
        "title": key(TEXT, lambda made, _: made.title),
        "replies_policy": key(one_of("followed", "list", "none"), lambda made, _: made.replies),
        "exclusive": key(FLAG, lambda made, _: made.exclusive),
    },
)

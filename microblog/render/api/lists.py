"""API entity of a list."""

from __future__ import annotations

from microblog.model.lists import AccountList
from microblog.render.api.definition import Definition, key
from microblog.render.api.schemas import FLAG, ID, TEXT, one_of

LIST = Definition[AccountList, None](
    "List",
    {
        "id": key(ID, lambda account_list, _: str(account_list.id)),
        "title": key(TEXT, lambda account_list, _: account_list.title),
        "replies_policy": key(one_of("followed", "list", "none"), lambda account_list, _: account_list.replies),
        "exclusive": key(FLAG, lambda account_list, _: account_list.exclusive),
    },
)

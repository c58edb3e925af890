"""Blocked usernames: nobody signs up with such a name, or with one that contains it, or only after approval."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.ids import UsernameBlockId

_LOOKALIKES = str.maketrans("123457890", "izeastbgo")


class NameComparison(StrEnum):
    """Usernames that a block holds for, in Mastodon's words."""

    EQUALS = "equals"
    CONTAINS = "contains"


@frozen
class UsernameBlock:
    """A blocked name, as the administrator wrote it. `allow_with_approval`: sign-ups wait for approval instead of being refused."""

    id: UsernameBlockId
    username: str
    comparison: NameComparison
    allow_with_approval: bool
    created_at: datetime


def normalized(username: str) -> str:
    """Return the name in lower case, with letters instead of the digits that look like them, as Mastodon compares names."""
    return username.lower().translate(_LOOKALIKES)

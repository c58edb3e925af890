"""Autocompletion of usernames and hashtags while writing."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.profile_features import AccountSuggestion, HashtagSuggestion
from microblog.storage import autocomplete
from microblog.storage.database import Transactions

MAX_PREFIX_LENGTH = 100
MAX_SUGGESTIONS = 6


@frozen
class Autocomplete:
    """Suggests accounts and hashtags that the viewer may see."""

    database: Transactions

    async def people(self, viewer: Viewer, prefix: str) -> list[AccountSuggestion]:
        """Return accounts whose username starts with `prefix`, followed ones first; these also match by display name."""
        text = _cleaned(prefix)
        if not text:
            return []
        return await self.database.read(autocomplete.people, prefix=text, viewer=viewer.id, limit=MAX_SUGGESTIONS)

    async def tags(self, viewer: Viewer, prefix: str) -> list[HashtagSuggestion]:
        """Return hashtags that start with `prefix`, with their usage: the exact match first, then by popularity."""
        key = post_text.tag_key(_cleaned(prefix))
        return await self.database.read(autocomplete.tags, prefix=key, viewer=viewer.id, limit=MAX_SUGGESTIONS) if key else []


def _cleaned(prefix: str) -> str:
    """The prefix on one line; empty if it cannot be part of a name."""
    try:
        return post_text.clean_line(prefix[:MAX_PREFIX_LENGTH], "q")
    except Invalid:
        return ""

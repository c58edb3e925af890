"""Whom and what a writer may mean, from the first letters on."""

from __future__ import annotations

from attrs import frozen

from microblog.domain.text import post_text
from microblog.model.accounts import Viewer
from microblog.model.errors import Invalid
from microblog.model.profile_features import TagSuggestion, UsedTag
from microblog.storage import autocomplete
from microblog.storage.database import Transactions

LONGEST_PREFIX = 100
OFFERED = 6


@frozen
class Autocomplete:
    """Completes names and tags for one viewer, with nothing that they may not see."""

    database: Transactions

    async def people(self, viewer: Viewer, prefix: str) -> list[TagSuggestion]:
        """Whose username begins so, those first whom the viewer follows: they are found by their display names too."""
        wanted = _typed(prefix)
        if not wanted:
            return []
        return await self.database.read(autocomplete.people, prefix=wanted, viewer=viewer.id, limit=OFFERED)

    async def tags(self, viewer: Viewer, prefix: str) -> list[UsedTag]:
        """Tags that begin so, with how much they are used: the exact one, then what is talked about."""
        key = post_text.tag_key(_typed(prefix))
        return await self.database.read(autocomplete.tags, prefix=key, viewer=viewer.id, limit=OFFERED) if key else []


def _typed(prefix: str) -> str:
    """What was typed; nothing where it can be no part of a name."""
    try:
        return post_text.clean_line(prefix[:LONGEST_PREFIX], "q")
    except Invalid:
        return ""

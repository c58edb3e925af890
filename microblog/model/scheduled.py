"""Scheduled posts."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, ScheduledId
from microblog.model.media import Media
from microblog.model.posts import PostDraft

UNREADABLE = "It was stored by another version of this site, in a format that this version cannot read."


@frozen
class ScheduledPost:
    """A scheduled post. `problem` says why it could not be published at its time; empty otherwise.

    If it is not `readable`, it is never published: its draft has only the text, with the narrowest visibility.
    """

    id: ScheduledId
    author: AccountId
    at: datetime
    draft: PostDraft
    media: tuple[Media, ...] = ()
    problem: str = ""
    readable: bool = True

    @property
    def obstacle(self) -> str:
        """The reason that the post cannot be published, as far as known; empty if it can."""
        return self.problem or ("" if self.readable else UNREADABLE)

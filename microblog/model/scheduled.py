"""Posts that wait for their time."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, ScheduledId
from microblog.model.media import Media
from microblog.model.posts import PostDraft

UNREADABLE = "It was stored by another version of this site, in a form that cannot be read here."


@frozen
class ScheduledPost:
    """A post to come. `problem` says why it could not be published when its time came; empty until then.

    One that is not `readable` will not be published: of its draft there is no more than the text, for no wider than it may have been meant.
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
        """What stands against it, as far as that is known; empty if nothing does."""
        return self.problem or ("" if self.readable else UNREADABLE)

"""Posts that wait for their time."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from microblog.model.ids import AccountId, ScheduledId
from microblog.model.media import Media
from microblog.model.posts import Draft


@frozen
class Scheduled:
    """A post to come. `problem` says why it could not be published when its time came; empty until then."""

    id: ScheduledId
    author: AccountId
    at: datetime
    draft: Draft
    media: tuple[Media, ...] = ()
    problem: str = ""

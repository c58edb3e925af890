"""What people put on their profiles beside their posts, and what they may mean while they write."""

from __future__ import annotations

from datetime import date

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import RelationId
from microblog.model.posts import Tag

MAX_USES = 100


@frozen
class FeaturedTag:
    """A tag on somebody's profile, with how many of their posts have it and when the last one came."""

    id: RelationId
    tag: Tag
    posts: int = 0
    last_on: date | None = None


@frozen
class FollowedTag:
    """A tag that somebody follows. `id` is the follow's own: the list is paged by it."""

    id: RelationId
    tag: Tag


@frozen
class TagFlags:
    """How one viewer stands to a tag."""

    following: bool = False
    featuring: bool = False


@frozen
class AccountSuggestion:
    """Somebody whom a writer may mean, and whether the writer follows them."""

    account: Account
    followed: bool = False


@frozen
class HashtagSuggestion:
    """A tag that a writer may mean, and in how many posts it stands that the writer may see; of the last MOST_USES."""

    tag: Tag
    uses: int = 0

    @property
    def many(self) -> bool:
        """True if there may be more of them."""
        return self.uses >= MAX_USES

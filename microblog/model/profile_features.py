"""Featured and followed hashtags, and suggestions of the autocomplete."""

from __future__ import annotations

from datetime import date

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.ids import RelationId
from microblog.model.posts import Tag, TagUse

MAX_FEATURED_TAGS = 10  # per profile
MAX_USES = 100  # counted for a suggestion


@frozen
class FeaturedTag:
    """A hashtag featured on a profile, with the number of its owner's posts that use it and the date of the last one."""

    id: RelationId
    tag: Tag
    posts: int = 0
    last_on: date | None = None


@frozen
class FollowedTag:
    """A followed hashtag. `id` is that of the follow, and pages the list."""

    id: RelationId
    tag: Tag


@frozen
class TagFlags:
    """A viewer's relation to a hashtag: followed, featured on their profile."""

    following: bool = False
    featuring: bool = False


@frozen
class TagForViewer:
    """A hashtag with its recent use and the viewer's flags; `flags` is None if there is no viewer."""

    use: TagUse
    flags: TagFlags | None


@frozen
class AccountSuggestion:
    """An account suggested by the autocomplete. `followed`: by the author."""

    account: Account
    followed: bool = False


@frozen
class HashtagSuggestion:
    """A hashtag suggested by the autocomplete. `uses` counts posts that the viewer may see, up to MAX_USES."""

    tag: Tag
    uses: int = 0

    @property
    def at_limit(self) -> bool:
        """True if the count reached its limit."""
        return self.uses >= MAX_USES

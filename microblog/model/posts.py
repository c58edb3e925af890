"""Posts, what belongs to them, and what somebody wants to post."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.cards import Card
from microblog.model.ids import AccountId, MediaId, PostId, TagId
from microblog.model.media import Media, MediaChange
from microblog.model.polls import Poll, PollDraft


class Visibility(StrEnum):
    """Who may see a post. From the widest to the narrowest."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"

    def narrowest(self, other: Visibility) -> Visibility:
        """The one of the two that fewer people see."""
        order = list(Visibility)
        return max(self, other, key=order.index)

    @property
    def is_open(self) -> bool:
        """True if everybody may see such posts. Only these count as replies, as boosts and in the site's statistics."""
        return self in (Visibility.PUBLIC, Visibility.UNLISTED)

    @property
    def is_on_profile(self) -> bool:
        """True if such posts count among the posts of their author, as on Mastodon: all but direct ones."""
        return self is not Visibility.DIRECT


@frozen
class Mention:
    """Somebody who is named in a post."""

    account_id: AccountId
    username: str


@frozen
class Tag:
    """A hashtag. `key` is folded for matching, `name` as it was first written."""

    id: TagId
    key: str
    name: str


@frozen
class TagDay:
    """How a tag was used in public on one day, which begins at `start` (s since 1970, midnight in UTC)."""

    start: int
    people: int = 0
    posts: int = 0


@frozen
class TagUse:
    """A tag with its last seven days, today first."""

    tag: Tag
    days: tuple[TagDay, ...]


@frozen
class Post:
    """One post, or a boost when `boost` is set (then the text is empty, and all that is shown is the boosted post's).

    `text` is what was typed, `html` the same rendered and safe. `spoiler` is plain text (the content warning). `version` changes whenever
    the post, its poll or its author's profile does: what was rendered from the same version is still right. The counts of replies, boosts
    and favourites are not part of it. `reply_to_visibility` is that of the post which it answers.
    """

    id: PostId
    author: Account
    text: str
    html: str
    visibility: Visibility
    created_at: datetime
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None
    edited_at: datetime | None = None
    reply_to: PostId | None = None
    reply_to_visibility: Visibility | None = None
    reply_to_account: AccountId | None = None
    thread_id: PostId | None = None
    application: str | None = None
    website: str | None = None
    replies_count: int = 0
    boosts_count: int = 0
    favourites_count: int = 0
    mentions: tuple[Mention, ...] = ()
    tags: tuple[Tag, ...] = ()
    media: tuple[Media, ...] = ()
    poll: Poll | None = None
    card: Card | None = None
    boost: Post | None = None
    version: str = ""

    @property
    def leads_to_answered(self) -> bool:
        """True if whoever sees this reply may see what it answers: then it can link there."""
        answered, own = self.reply_to_visibility, self.reply_to_account == self.author.id
        if answered in (None, Visibility.PUBLIC, Visibility.UNLISTED) or self.visibility is Visibility.DIRECT:
            return True
        return own and answered is Visibility.PRIVATE and self.visibility is Visibility.PRIVATE

    @property
    def original(self) -> Post:
        """The post that was boosted, or this one."""
        return self.boost or self


@frozen
class PostFlags:
    """How one viewer stands to one post: what the buttons under it show. `votes` are the options of its poll that they chose."""

    favourited: bool = False
    boosted: bool = False
    bookmarked: bool = False
    pinned: bool = False
    thread_muted: bool = False
    votes: tuple[int, ...] = ()


@frozen
class PostRevision:
    """What a post said at one time. The last one of a history is what it says now. `options` are those of its poll."""

    text: str
    html: str
    spoiler: str
    sensitive: bool
    created_at: datetime
    media: tuple[Media, ...] = ()
    options: tuple[str, ...] = ()


@frozen
class PostDraft:
    """What somebody wants to post. `key` is the idempotency key: the same key again gives the first answer.

    With `never_wider`, a reply is seen by no more people than what it answers. `application` is the name of the program that sends it,
    `website` where people read about that. `allowed` are the only people who may be named in it, None being everybody. `changes` are made
    to its media with an edit.
    """

    text: str
    visibility: Visibility | None = None
    spoiler: str = ""
    sensitive: bool | None = None
    language: str | None = None
    reply_to: PostId | None = None
    key: str | None = None
    never_wider: bool = False
    application: str | None = None
    website: str | None = None
    allowed: frozenset[AccountId] | None = None
    media: tuple[MediaId, ...] = ()
    changes: tuple[MediaChange, ...] = ()
    poll: PollDraft | None = None


@frozen
class PostThread:
    """A post amid its conversation: `ancestors` from the first on, `descendants` depth first; `more` where there are more of these.

    `depths`: how deep each descendant answers the post, 1 directly.
    """

    post: Post
    ancestors: tuple[Post, ...]
    descendants: tuple[Post, ...]
    depths: tuple[int, ...] = ()
    more: bool = False

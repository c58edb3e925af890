"""Posts, their parts, and drafts of posts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from microblog.model.accounts import Account
from microblog.model.cards import Card
from microblog.model.emojis import Emoji
from microblog.model.ids import AccountId, MediaId, PostId, TagId
from microblog.model.media import Media, MediaChange
from microblog.model.polls import Poll, PollDraft

MAX_PINNED = 5  # posts per profile
MAX_PINNED_ELSEWHERE = 10  # posts per profile of another server
URL_LENGTH = 23
"""Number of characters that any URL in a post counts as."""


class Visibility(StrEnum):
    """Visibility of a post, from the widest to the narrowest."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"

    def narrower(self, other: Visibility) -> Visibility:
        """Return the narrower of the two."""
        order = list(Visibility)
        return max(self, other, key=order.index)

    @property
    def is_open(self) -> bool:
        """True if everybody can see such posts. Only these count as replies, as boosts and in the site's statistics."""
        return self in (Visibility.PUBLIC, Visibility.UNLISTED)

    @property
    def is_on_profile(self) -> bool:
        """True if such posts are included in their author's post count, as on Mastodon: all but direct ones."""
        return self is not Visibility.DIRECT


@frozen
class Mention:
    """An account mentioned in a post. `host` and `page`, the URL of the profile, are None for accounts of this site."""

    account_id: AccountId
    username: str
    host: str | None = None
    page: str | None = None

    @property
    def acct(self) -> str:
        """The address without `@` in front: the username, followed by `@` and the host for accounts of other servers."""
        return self.username if self.host is None else f"{self.username}@{self.host}"


@frozen
class Tag:
    """A hashtag. `key` is case-folded for matching, `name` as it was first written."""

    id: TagId
    key: str
    name: str


@frozen
class TagDay:
    """Public uses of a tag on one day, which begins at `start` (Unix time of midnight in UTC)."""

    start: int
    people: int = 0
    posts: int = 0


@frozen
class TagUse:
    """A tag with its usage in the last seven days, today first."""

    tag: Tag
    days: tuple[TagDay, ...]


@frozen
class Post:
    """A post, or a boost if `boost` is set (then its text is empty, and the boosted post is shown).

    `text` is as typed, `html` the same rendered and sanitized. `spoiler` is the content warning in plain text. `version` changes whenever
    the post, its poll or its author's profile does, so it is a cache key of renderings; the counts of replies, boosts and favourites are
    not part of it. `reply_to_visibility` is that of the parent post, `reply_to_host` the other server of its author. A post of another
    server has the `uri` by which its server names it, and perhaps the `url` of its page; both are None for posts of this site.
    `reply_to_uri` is its parent, if that is not known here.
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
    reply_to_uri: str | None = None
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
    uri: str | None = None
    url: str | None = None
    emojis: tuple[Emoji, ...] = ()
    reply_to_host: str | None = None

    @property
    def can_link_to_parent(self) -> bool:
        """True if everybody who can see this reply can see its parent as well, so that it can link there."""
        parent, own = self.reply_to_visibility, self.reply_to_account == self.author.id
        if parent in (None, Visibility.PUBLIC, Visibility.UNLISTED) or self.visibility is Visibility.DIRECT:
            return True
        return own and parent is Visibility.PRIVATE and self.visibility is Visibility.PRIVATE

    @property
    def has_sensitive_media(self) -> bool:
        """True if its media are to be hidden until the reader asks for them: by its author, or by the moderators."""
        return self.sensitive or self.author.sensitized_at is not None

    @property
    def original(self) -> Post:
        """The boosted post, or this one."""
        return self.boost or self


@frozen
class PostFlags:
    """A viewer's interactions with a post. `votes` are the options of its poll that they chose."""

    favourited: bool = False
    boosted: bool = False
    bookmarked: bool = False
    pinned: bool = False
    thread_muted: bool = False
    votes: tuple[int, ...] = ()


NO_FLAGS = PostFlags()


@frozen
class PostRevision:
    """One revision of a post. The last revision of a history is the current one. `options` are those of its poll."""

    text: str
    html: str
    spoiler: str
    sensitive: bool
    created_at: datetime
    media: tuple[Media, ...] = ()
    options: tuple[str, ...] = ()
    emojis: tuple[Emoji, ...] = ()


@frozen
class PostDraft:
    """A post to be created. `key` is the idempotency key: the same key returns the post of the first request.

    `never_wider`: a reply is narrowed to the visibility of its parent. `application` and `website` are those of the client app. `allowed`
    are the only accounts that it may mention, None means any. `changes` are applied to its media in an edit.
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
    """A post with its thread: `ancestors` from the first one on, `descendants` depth first; `more` if some descendants were left out.

    `depths` are the levels of the descendants, 1 for direct replies.
    """

    post: Post
    ancestors: tuple[Post, ...]
    descendants: tuple[Post, ...]
    depths: tuple[int, ...] = ()
    more: bool = False

    @property
    def id(self) -> PostId:
        """The id of the thread: that of its first post."""
        return self.post.thread_id or self.post.id

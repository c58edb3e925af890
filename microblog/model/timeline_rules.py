"""Rules of timelines on values: whether a post is on a viewer's home timeline, a list, the public timeline.

storage/timelines.py has the same rules in SQL; a property test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import field, frozen

from microblog.model.ids import AccountId, PostId
from microblog.model.lists import ListReplies
from microblog.model.posts import Visibility
from microblog.model.visibility import ViewerRelation, may_see


@frozen
class PostFacts:
    """Attributes of a post (not deleted) or boost that the rules depend on (`boost_of` and the attributes of what it boosts).

    `author_gone`: the author, or the author of the boosted post, was suspended or deleted. `tags` are folded keys. `here`: the post is of
    this site. `parent_unknown`: it replies to a post that is not known here. `hosts`: other servers of the author, of the account that it
    replies to, and of the author of the boosted post.
    """

    id: PostId
    author: AccountId
    visibility: Visibility
    language: str | None = None
    reply_to_account: AccountId | None = None
    boost_of: PostId | None = None
    boost_author: AccountId | None = None
    boost_visibility: Visibility | None = None
    mentions: frozenset[AccountId] = frozenset()
    boost_mentions: frozenset[AccountId] = frozenset()
    tags: frozenset[str] = frozenset()
    author_gone: bool = False
    author_limited: bool = False
    here: bool = True
    parent_unknown: bool = False
    hosts: frozenset[str] = frozenset()

    @property
    def replies_to_other(self) -> bool:
        """True for a reply to another account, as opposed to a thread of the author's own posts."""
        return self.parent_unknown or (self.reply_to_account is not None and self.reply_to_account != self.author)

    @property
    def entry(self) -> tuple[PostId, PostId | None]:
        """The post's id, and the id of the post it boosts."""
        return self.id, self.boost_of


def _set(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


@frozen
class TagFilter:
    """A filter by folded tag keys: at least one of `any`, each of `all`, none of `none`.

    `media`: only posts with media. `here`: only posts of this site, or only those of others (None: both).
    """

    any: frozenset[str] = field(converter=_set)
    all: frozenset[str] = field(default=(), converter=_set)
    none: frozenset[str] = field(default=(), converter=_set)
    media: bool = False
    here: bool | None = None


@frozen
class AccountPosts:
    """Selection of an account's posts: with or without replies to others and boosts, and only those with a tag (folded key)."""

    account: AccountId
    replies: bool = True
    boosts: bool = True
    tag: str | None = None


@frozen
class FolloweeOptions:
    """Options of a follow: whether boosts are shown, and languages (None: all)."""

    boosts: bool = True
    languages: frozenset[str] | None = None


@frozen
class ListMembers:
    """A list: its members, its reply policy, and whether the members are hidden from the home timeline."""

    members: frozenset[AccountId]
    replies: ListReplies = ListReplies.LIST
    exclusive: bool = False


@frozen
class TimelineViewer:
    """A viewer's relations to others. `mutes` are current ones with their end (None: never); `hidden` is the union of blocks and mutes.

    `options` has only the followees for whom they are not the default. `domains` are those that the viewer blocks.
    """

    account: AccountId
    follows: frozenset[AccountId] = frozenset()
    options: Mapping[AccountId, FolloweeOptions] = {}
    hidden: frozenset[AccountId] = frozenset()
    blocked_by: frozenset[AccountId] = frozenset()
    exclusive: frozenset[AccountId] = frozenset()
    lists: Mapping[int, ListMembers] = {}
    tags: frozenset[str] = frozenset()
    mute_ends: datetime | None = None
    domains: frozenset[str] = frozenset()


def is_visible(post: PostFacts, viewer: TimelineViewer | None) -> bool:
    """True if the viewer (None: anonymous) may see the post, and what it boosts."""
    if post.author_gone or not _may_see(post.author, post.visibility, post.mentions, viewer):
        return False
    if post.boost_author is None or post.boost_visibility is None:
        return True
    return _may_see(post.boost_author, post.boost_visibility, post.boost_mentions, viewer)


def _may_see(author: AccountId, visibility: Visibility, mentions: frozenset[AccountId], viewer: TimelineViewer | None) -> bool:
    if viewer is None:
        return visibility.is_open
    if visibility.is_open:
        return author not in viewer.blocked_by
    relation = ViewerRelation(
        visibility, author == viewer.account, viewer.account in mentions, author in viewer.follows, author in viewer.blocked_by
    )
    return may_see(relation)


def is_wanted(post: PostFacts, viewer: TimelineViewer | None) -> bool:
    """False if the viewer blocks or mutes the author, the account replied to, or the author of the boosted post, or blocks its domain."""
    if viewer is None or post.author == viewer.account:
        return True
    if viewer.domains and not viewer.domains.isdisjoint(post.hosts):
        return False
    return viewer.hidden.isdisjoint((post.author, post.reply_to_account, post.boost_author))


def is_at_home(post: PostFacts, viewer: TimelineViewer) -> bool:
    """True if the post is on the viewer's home timeline, where repeated boosts are left out afterwards."""
    if post.author in viewer.exclusive or not is_wanted(post, viewer) or not is_visible(post, viewer):
        return False
    return _is_from_followee(post, viewer) or _has_followed_tag(post, viewer)


def _is_from_followee(post: PostFacts, viewer: TimelineViewer) -> bool:
    if post.author == viewer.account:
        return True
    if not _is_chosen(post, viewer):
        return False
    return not post.replies_to_other or post.reply_to_account == viewer.account or post.reply_to_account in viewer.follows


def _is_chosen(post: PostFacts, viewer: TimelineViewer) -> bool:
    """True if the viewer's follow of the author includes the post: its language, and boosts if it is a boost."""
    if post.author not in viewer.follows:
        return False
    options = viewer.options.get(post.author)
    if options is None:
        return True
    in_language = options.languages is None or post.language is None or post.language in options.languages
    return in_language and (post.boost_of is None or options.boosts)


def _has_followed_tag(post: PostFacts, viewer: TimelineViewer) -> bool:
    return post.visibility is Visibility.PUBLIC and not post.author_limited and not viewer.tags.isdisjoint(post.tags)


def is_on_list(post: PostFacts, viewer: TimelineViewer, members: ListMembers) -> bool:
    """True if the post is on the timeline of one of the viewer's lists."""
    if post.author not in members.members or not _is_chosen(post, viewer):
        return False
    if not is_wanted(post, viewer) or not is_visible(post, viewer):
        return False
    if not post.replies_to_other or post.reply_to_account == viewer.account:
        return True
    if members.replies is ListReplies.LIST:
        return post.reply_to_account in members.members
    return members.replies is ListReplies.FOLLOWED and post.reply_to_account in viewer.follows


def is_public(post: PostFacts, viewer: TimelineViewer | None, here: bool | None = None) -> bool:
    """True if the post is on the public timeline of the viewer; `here` as in TagFilter."""
    return (
        post.visibility is Visibility.PUBLIC
        and here in (None, post.here)
        and post.boost_of is None
        and not post.replies_to_other
        and not post.author_limited
        and is_wanted(post, viewer)
        and is_visible(post, viewer)
    )


def has_tags(post: PostFacts, wanted: TagFilter, viewer: TimelineViewer | None) -> bool:
    """True if the post is on the timeline of these tags, which includes replies."""
    return (
        post.visibility is Visibility.PUBLIC
        and not post.author_limited
        and wanted.here in (None, post.here)
        and not wanted.any.isdisjoint(post.tags)
        and wanted.all <= post.tags
        and wanted.none.isdisjoint(post.tags)
        and is_wanted(post, viewer)
        and is_visible(post, viewer)
    )


def is_on_profile(post: PostFacts, wanted: AccountPosts, viewer: TimelineViewer | None) -> bool:
    """True if the post is among an account's posts of this kind. Whoever looks at a profile gets it even if they mute the account."""
    return (
        post.author == wanted.account
        and (wanted.replies or not post.replies_to_other)
        and (wanted.boosts or post.boost_of is None)
        and (wanted.tag is None or wanted.tag in post.tags)
        and is_visible(post, viewer)
    )
